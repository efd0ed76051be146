"""Where a supply is taxed and by what, and on which day."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from ecommerce.models import ShopSettings, TaxRate
from ecommerce.pricing.taxes import Tax
from ecommerce.taxes.supply import Buyer, Supply, place_of, shipping_taxes, taxes_of
from ecommerce.taxes.territories import EU
from ecommerce.taxes.territories import Place as Address
from ecommerce.taxes.zones import tax_date
from tests.ecommerce.taxes.cases import (
    BERLIN,
    CASES,
    DE,
    DIGITAL,
    EUROPE,
    FRENCH_ID,
    GERMAN,
    GOODS,
    NOON,
    PARIS,
    Case,
    Place,
    rate,
)  # fmt: skip


def told(taxes: tuple[Tax, ...]) -> str:
    """A short form: country, region, name, percent and category of each tax."""
    return " + ".join(
        " ".join(filter(None, (tax.country, tax.region, tax.name, f"{tax.percent:f}", tax.category))) for tax in taxes
    )


def ask(supply: Supply, to: Address | None, rates: list[TaxRate], **more: Any) -> tuple[Tax, ...]:
    shop, at, home = more.pop("shop", GERMAN), more.pop("at", NOON), more.pop("home", to)
    return taxes_of(supply, buyer=Buyer(ship_to=to, home=home, **more), shop=shop, rates=rates, at=at)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_taxes(case: Case) -> None:
    buyer = Buyer(tax_id=case.tax_id, exempt_reason=case.exempt, ship_to=case.to, home=case.home or case.to)
    taxes = taxes_of(case.supply, buyer=buyer, shop=case.shop, rates=case.rates, at=NOON)
    assert told(taxes) == case.answer
    assert taxes[0].reason.startswith(case.reason)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_reason_stands_where_the_norm_wants_one_and_nowhere_else(case: Case) -> None:
    buyer = Buyer(tax_id=case.tax_id, exempt_reason=case.exempt, ship_to=case.to, home=case.home or case.to)
    for tax in taxes_of(case.supply, buyer=buyer, shop=case.shop, rates=case.rates, at=NOON):
        assert bool(tax.reason) == (tax.category not in {"S", "Z"})
        assert (tax.percent > 0) == (tax.category == "S")


def test_a_shop_without_rates_collects_none() -> None:
    assert ask(GOODS, BERLIN, []) == ()
    assert ask(GOODS, PARIS, [], tax_id=FRENCH_ID) == ()
    assert ask(GOODS, BERLIN, [], exempt_reason="Embassy") == ()


@pytest.mark.parametrize(
    ("country", "region", "last_moment", "first_moment"),
    [
        # Finland's standard rate rose on 1 September 2024; Helsinki was three hours ahead of UTC.
        ("FI", "", datetime(2024, 8, 31, 20, 59, tzinfo=UTC), datetime(2024, 8, 31, 21, 0, tzinfo=UTC)),
        # Germany's came back on 1 January 2021.
        ("DE", "", datetime(2020, 12, 31, 22, 59, tzinfo=UTC), datetime(2020, 12, 31, 23, 0, tzinfo=UTC)),
        ("XI", "", datetime(2020, 12, 31, 23, 59, tzinfo=UTC), datetime(2021, 1, 1, 0, 0, tzinfo=UTC)),
        ("US", "CA", datetime(2025, 4, 1, 6, 59, tzinfo=UTC), datetime(2025, 4, 1, 7, 0, tzinfo=UTC)),
        ("US", "California", datetime(2025, 4, 1, 6, 59, tzinfo=UTC), datetime(2025, 4, 1, 7, 0, tzinfo=UTC)),
        ("US", "NY", datetime(2025, 4, 1, 3, 59, tzinfo=UTC), datetime(2025, 4, 1, 4, 0, tzinfo=UTC)),
        ("US", "HI", datetime(2025, 4, 1, 9, 59, tzinfo=UTC), datetime(2025, 4, 1, 10, 0, tzinfo=UTC)),
        ("NZ", "", datetime(2025, 3, 31, 10, 59, tzinfo=UTC), datetime(2025, 3, 31, 11, 0, tzinfo=UTC)),
        ("IN", "", datetime(2025, 3, 31, 18, 29, tzinfo=UTC), datetime(2025, 3, 31, 18, 30, tzinfo=UTC)),
    ],
)
def test_a_rate_changes_at_midnight_of_the_country_that_taxes(
    country: str, region: str, last_moment: datetime, first_moment: datetime
) -> None:
    day = tax_date(first_moment, country, region)
    before = tax_date(last_moment, country, region)
    assert (day.day, (day - before).days) == (1, 1)
    rates = [rate(country, "10", valid_until=before), rate(country, "12", valid_from=day)]
    buyer = Buyer(ship_to=Place(country, region))
    shop = ShopSettings(country="JP")  # its own midnight is another one

    def percent(at: datetime) -> str:
        (tax,) = taxes_of(GOODS, buyer=buyer, shop=shop, rates=rates, at=at)
        return f"{tax.percent:f}"

    assert (percent(last_moment), percent(first_moment)) == ("10", "12")


def test_both_first_and_last_day_count() -> None:
    rates = [rate("DE", "16", valid_from=date(2020, 7, 1), valid_until=date(2020, 12, 31))]
    days = [(2020, 6, 30), (2020, 7, 1), (2020, 12, 31), (2021, 1, 1)]
    noons = [datetime(*day, 12, tzinfo=UTC) for day in days]
    assert [told(ask(GOODS, BERLIN, rates, at=noon))[:9] for noon in noons] == [
        "DE Tax 0 ", "DE VAT 16", "DE VAT 16", "DE Tax 0 ",
    ]  # fmt: skip


def test_of_two_rates_of_one_name_and_place_the_later_one_holds() -> None:
    rates = [rate("DE", "19"), rate("DE", "21", valid_from=date(2026, 1, 1))]
    assert told(ask(GOODS, BERLIN, rates)) == "DE VAT 21 S"
    assert told(ask(GOODS, BERLIN, rates[::-1])) == "DE VAT 21 S"


def test_shipping_has_rates_of_its_own_or_the_standard_ones() -> None:
    buyer = Buyer(ship_to=BERLIN)
    own = [*EUROPE, rate("DE", "11", what="shipping")]
    assert told(shipping_taxes(buyer=buyer, shop=GERMAN, rates=EUROPE, at=NOON)) == "DE VAT 19 S"
    assert told(shipping_taxes(buyer=buyer, shop=GERMAN, rates=own, at=NOON)) == "DE VAT 11 S"
    abroad = Buyer(ship_to=PARIS, tax_id=FRENCH_ID)
    assert told(shipping_taxes(buyer=abroad, shop=GERMAN, rates=own, at=NOON)) == "FR VAT 0 K"


def test_place_of_goods_and_of_all_else() -> None:
    buyer = Buyer(ship_to=BERLIN, home=PARIS)
    assert place_of(GOODS, buyer=buyer, shop=GERMAN) == BERLIN
    assert place_of(DIGITAL, buyer=buyer, shop=GERMAN) == PARIS
    assert place_of(Supply(tax_category="digital", shipped=True), buyer=buyer, shop=GERMAN) == PARIS
    assert place_of(GOODS, buyer=Buyer(home=PARIS), shop=GERMAN) == PARIS
    assert place_of(DIGITAL, buyer=Buyer(ship_to=BERLIN), shop=GERMAN) == BERLIN
    assert place_of(GOODS, buyer=Buyer(), shop=GERMAN) == Place("DE")


def test_every_member_state_is_at_home_in_the_eu() -> None:
    assert len(EU) == 27
    for country in sorted(EU - {"DE"}):
        assert told(ask(GOODS, Place(country), [DE], tax_id=FRENCH_ID)) == f"{country} VAT 0 K"
        assert told(ask(GOODS, Place(country), [DE, rate(country, "21")])) == f"{country} VAT 21 S"
