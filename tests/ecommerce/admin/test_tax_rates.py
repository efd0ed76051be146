from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client

from backoffice import database_clock
from backoffice.models import Activity
from ecommerce.models import TaxRate
from ecommerce.taxes import eu_rates
from tests.ecommerce.admin.test_files import bring_in, preview, taken_out
from tests.ecommerce.admin.test_files import files as files
from tests.support.forms import filled_in, sentences

LIST = "/admin/ecommerce/taxrate/"
EU_PAGE = f"{LIST}load-eu-rates/"
TODAY = date(2026, 11, 28)


@pytest.fixture
def finance(as_role: Callable[[str], Client]) -> Client:
    return as_role("Finance")


def rate(country: str = "DE", percent: str = "19", **fields: Any) -> TaxRate:
    return TaxRate.objects.create(**{"country": country, "name": "VAT", "percent": Decimal(percent), **fields})


def add(browser: Client, **fields: Any) -> Any:
    blank = filled_in(browser.get(f"{LIST}add/"))
    given = {"country": "DE", "name": "VAT", "percent": "19", **fields}
    return browser.post(f"{LIST}add/", blank | given, follow=True)


def listed(browser: Client, query: str = "") -> list[str]:
    return [str(each) for each in browser.get(f"{LIST}{query}").context["cl"].result_list]


def test_a_rate_of_a_part_of_a_country(finance: Client) -> None:
    add(
        finance,
        country="US",
        region="california",
        postal_codes="90001 - 91899, 902",
        city="Los Angeles",
        name="LA County",
        percent="2.25",
        valid_from="2026-01-01",
        valid_until="2026-12-31",
    )
    stored = TaxRate.objects.get()
    assert (stored.country, stored.region, stored.city, stored.percent) == ("US", "CA", "Los Angeles", Decimal("2.25"))
    assert stored.postal_codes == ["90001 - 91899", "902"]
    assert (stored.valid_from, stored.valid_until) == (date(2026, 1, 1), date(2026, 12, 31))
    assert (stored.tax_category, stored.category, stored.reason) == ("standard", "S", "")


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"percent": "-1"}, "A rate is from 0 to 100 %."),
        ({"percent": "101"}, "A rate is from 0 to 100 %."),
        ({"country": ""}, "This field is required."),
        ({"category": "E", "percent": "0"}, "Say why no tax is charged, as invoices are to say it."),
        ({"category": "AE", "reason": "Reverse charge"}, "Only S, what is taxed, has a rate above 0 %."),
        ({"reason": "Just so"}, "S and Z have no reason: leave it empty."),
        ({"valid_from": "2026-02-01", "valid_until": "2026-01-31"}, "The last day is before the first one."),
        ({"country": "US", "region": "Kalifornien"}, "“Kalifornien” is not known as a state of United States"),
        ({"postal_codes": "80999-80331"}, "“80999-80331” ends before it begins; write the lower code first."),
        ({"valid_from": "2026-01-01"}, "(until Dec. 31, 2026): end it the day before this one begins."),
    ],
)
def test_what_a_rate_can_not_be(finance: Client, fields: dict[str, str], sentence: str) -> None:
    rate(valid_until=date(2026, 12, 31))
    page = add(finance, **({"valid_from": "2027-01-01"} | fields))
    assert sentence in sentences(page)
    assert TaxRate.objects.count() == 1


@pytest.mark.parametrize(
    "fields",
    [
        {"percent": -1},
        {"category": "E", "percent": 0},
        {"category": "K", "percent": 5, "reason": "Within the EU"},
        {"reason": "Just so"},
        {"category": "Z", "percent": 0, "reason": "Just so"},
        {"valid_from": date(2026, 2, 1), "valid_until": date(2026, 1, 31)},
    ],
)
def test_the_database_refuses_it_too(db: None, fields: dict[str, Any]) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        TaxRate.objects.create(**{"country": "DE", "name": "VAT", "percent": 19, **fields})


def test_one_rate_of_a_place_and_day(db: None) -> None:
    rate()
    with pytest.raises(IntegrityError), transaction.atomic():
        rate(percent="20")


def test_the_next_rate_begins_the_day_after(finance: Client) -> None:
    rate(valid_until=date(2026, 12, 31))
    add(finance, percent="16", valid_from="2027-01-01")
    assert TaxRate.objects.count() == 2


def test_the_list_by_country_category_and_day(finance: Client) -> None:
    today = database_clock.now().date()
    rate("FR", "20")
    rate("DE", "7", tax_category="reduced")
    rate("DE", "16", valid_until=today - timedelta(days=1))
    rate("DE", "19", valid_from=today)
    rate("DE", "21", tax_category="digital", valid_from=today + timedelta(days=1))
    assert listed(finance, "?country=FR") == ["France: VAT 20 %"]
    assert listed(finance, "?what=reduced") == ["Germany: VAT 7 %"]
    assert listed(finance, "?valid=ended") == ["Germany: VAT 16 %"]
    assert listed(finance, "?valid=later") == ["Germany: VAT 21 %"]
    assert sorted(listed(finance, "?valid=now")) == ["France: VAT 20 %", "Germany: VAT 19 %", "Germany: VAT 7 %"]


# Files.

HEADER = "country,region,postal_codes,city,tax_category,name,percent,category,reason,valid_from,valid_until\n"


def test_rates_go_out_and_come_back_the_same(finance: Client) -> None:
    rate("US", "2.25", name="LA County", region="CA", postal_codes=["90001-91899", "902"], city="Los Angeles")
    rate("DE", "0", tax_category="exempt", category="E", reason="Exempt, § 4 UStG.", valid_until=date(2026, 12, 31))
    rows = taken_out(finance, f"{LIST}export/")
    assert rows[0] == {
        "country": "US", "region": "CA", "postal_codes": "90001-91899, 902", "city": "Los Angeles",
        "tax_category": "standard", "name": "LA County", "percent": "2.25", "category": "S", "reason": "",
        "valid_from": "", "valid_until": "",
    }  # fmt: skip
    text = HEADER + "\n".join(",".join(f'"{value}"' for value in row.values()) for row in rows)
    assert "0 new, 0 updated, 2 unchanged" in sentences(preview(finance, LIST, text))


def test_a_file_adds_and_changes_rates(finance: Client) -> None:
    rate("DE", "19")
    page = bring_in(
        finance,
        LIST,
        "country;name;percent;valid_until;region;category;tax_category;reason\n"
        "Germany;VAT;19;2026-12-31;;S;standard;\n"
        "us;State;8,875 %;;new york;s;standard;\n"
        "FR;VAT;0;;;e;exempt;Art. 261 CGI\n",
    )
    assert "2 new, 1 updated, 0 unchanged" in sentences(page)
    found = TaxRate.objects.order_by("country").values_list("country", "region", "percent", "category", "valid_until")
    assert list(found) == [
        ("DE", "", 19, "S", date(2026, 12, 31)),
        ("FR", "", 0, "E", None),
        ("US", "NY", Decimal("8.875"), "S", None),
    ]
    by_import = Activity.objects.filter(object_type="ecommerce.taxrate", through__startswith="Import of")
    assert [each.act for each in by_import.order_by("pk")] == ["added", "added", "changed"]


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        ("XY,VAT,19,S,,,", "“XY” is no country"),
        ("DE,VAT,1.23456,S,,,", "is no percentage"),
        ("DE,VAT,119,S,,,", "is no percentage"),
        ("FR,VAT,0,E,,,", "Say why no tax is charged"),
        ("FR,VAT,19,K,Within,,", "Only S, what is taxed"),
        ("DE,VAT,19,X,,,", "“X” is not a valid choice; write S, Z, E, AE, K, G, O."),
        ("DE,VAT,19,S,,31.12.2026,", "“31.12.2026” is no day: write it as 2027-01-31."),
        ("DE,VAT,19,S,,2027-01-01,2026-01-01", "The last day is before the first one."),
        ("DE,VAT,19,S,,2026-01-01,", "holds on some of these days"),
        ("US,VAT,19,S,,,\nUS,VAT,18,S,,2026-01-01,", "holds on some of these days"),
        ("US,VAT,19,S,,,\nUS,vat,18,S,,,", "are the same tax rate; leave one of them."),
    ],
)
def test_what_a_file_can_not_hold(finance: Client, row: str, sentence: str) -> None:
    rate("DE", "18", valid_until=date(2026, 6, 30), valid_from=date(2020, 1, 1))
    shown = preview(finance, LIST, f"country,name,percent,category,reason,valid_from,valid_until\n{row}\n")
    assert sentence in sentences(shown)
    assert "Confirm import" not in sentences(shown)


# The EU's rates.


def loaded(browser: Client, day: str = "2026-11-28") -> Any:
    return browser.post(EU_PAGE, {"day": day}, follow=True)


def test_the_eu_is_loaded_once(finance: Client) -> None:
    assert "Added" in sentences(finance.get(EU_PAGE))
    assert "rates added." in sentences(loaded(finance))
    standard = dict(TaxRate.objects.filter(tax_category="standard").values_list("country", "percent"))
    assert len(standard) == 28  # with Northern Ireland
    assert {country: standard[country] for country in ("DE", "FR", "HU", "LU", "XI", "GR")} == {
        "DE": 19, "FR": 20, "HU": 27, "LU": 17, "XI": 20, "GR": 24,
    }  # fmt: skip
    reduced = dict(TaxRate.objects.filter(tax_category="reduced").values_list("country", "percent"))
    some: list[Any] = [reduced["DE"], reduced["FR"], reduced["AT"], reduced["PT"]]
    assert some == [7, Decimal("5.5"), 10, 6]
    assert "DK" not in reduced
    assert set(TaxRate.objects.values_list("name", "category", "reason", "valid_from", "valid_until")) == {
        ("VAT", "S", "", None, None)
    }
    before = TaxRate.objects.count()
    assert "every rate is there already" in sentences(loaded(finance))
    assert TaxRate.objects.count() == before
    assert Activity.objects.filter(act="imported", object_label__startswith="the EU's rates").count() == 1


def test_a_changed_rate_is_closed_and_not_overwritten(finance: Client) -> None:
    old = rate("DE", "16", name="MwSt.", valid_from=date(2020, 7, 1))
    loaded(finance)
    found = TaxRate.objects.filter(country="DE", tax_category="standard").order_by("valid_from")
    days: list[Any] = list(found.values_list("name", "percent", "valid_from", "valid_until"))
    assert days == [
        ("MwSt.", 16, date(2020, 7, 1), date(2026, 11, 27)),
        ("MwSt.", 19, date(2026, 11, 28), None),
    ]
    changed = Activity.objects.get(object_type="ecommerce.taxrate", object_id=old.pk, act="changed")
    assert changed.changes == {"valid_until": [None, "2026-11-27"]}


def test_what_staff_planned_for_later_stays(finance: Client) -> None:
    rate("DE", "16", valid_until=date(2026, 12, 31))
    rate("DE", "21", valid_from=date(2027, 1, 1))
    loaded(finance)
    found = TaxRate.objects.filter(country="DE", tax_category="standard").order_by("valid_from", "percent")
    days: list[Any] = list(found.values_list("percent", "valid_from", "valid_until"))
    assert days == [
        (19, date(2026, 11, 28), date(2026, 12, 31)),
        (21, date(2027, 1, 1), None),
        (16, None, date(2026, 11, 27)),
    ]


def test_another_of_a_states_reduced_rates_stays(finance: Client) -> None:
    rate("AT", "13", tax_category="reduced")
    loaded(finance)
    assert TaxRate.objects.get(country="AT", tax_category="reduced").percent == 13


def test_a_rate_of_a_part_is_not_the_countrys(finance: Client) -> None:
    rate("PT", "22", name="VAT", postal_codes=["90-94"])
    loaded(finance)
    assert TaxRate.objects.filter(country="PT", tax_category="standard").count() == 2


def test_a_gap_is_filled(finance: Client) -> None:
    rate("DE", "16", valid_until=date(2020, 12, 31))
    loaded(finance)
    new = TaxRate.objects.get(country="DE", tax_category="standard", percent=19)
    assert (new.valid_from, new.valid_until) == (date(2021, 1, 1), None)


def test_a_change_on_the_same_day_is_decided_by_hand(finance: Client) -> None:
    rate("DE", "16", valid_from=TODAY)
    assert "Another percent begins on that very day." in sentences(finance.get(f"{EU_PAGE}?day=2026-11-28"))
    loaded(finance)
    assert TaxRate.objects.filter(country="DE", tax_category="standard").count() == 1


def test_a_wrong_day_is_said(finance: Client) -> None:
    page = finance.get(f"{EU_PAGE}?day=soon")
    assert "Enter a valid date." in sentences(page)
    assert finance.post(EU_PAGE, {"day": ""}).status_code == 200
    assert not TaxRate.objects.exists()


def test_every_state_has_its_rates_in_the_data() -> None:
    found = eu_rates.data_version()
    assert found >= "2026-01-01"


def test_viewers_see_rates_and_change_none(as_role: Callable[[str], Client]) -> None:
    viewer, stored = as_role("Viewer"), rate()
    assert "19 %" in sentences(viewer.get(LIST))
    assert viewer.post(f"{LIST}{stored.pk}/change/", {"percent": "1"}).status_code == 403
    assert viewer.get(EU_PAGE).status_code == 403
    assert viewer.post(EU_PAGE, {"day": "2026-11-28"}).status_code == 403
