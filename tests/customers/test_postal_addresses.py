import pytest
from django.core.exceptions import ValidationError
from django.test import Client

from customers.models import Address, Customer
from customers.postal_addresses import address_lines, address_warnings, country_rules
from tests.support.factories import make_customer

US = {"name": "Ada King", "line1": "1 Market St", "line2": "Apt 5", "city": "San Francisco"} | {
    "state": "CA",
    "postal_code": "94105",
    "country": "US",
}


@pytest.mark.parametrize(
    ("address", "lines"),
    [
        (US, ["Ada King", "1 Market St", "Apt 5", "San Francisco, CA 94105", "United States"]),
        (US | {"state": ""}, ["Ada King", "1 Market St", "Apt 5", "San Francisco 94105", "United States"]),
        (US | {"city": ""}, ["Ada King", "1 Market St", "Apt 5", "CA 94105", "United States"]),
        (
            {"name": "Ada", "company": "ACME", "department": "Receiving", "line1": "Rue 1", "city": "Lyon"}
            | {"postal_code": "69001", "country": "FR"},
            ["ACME", "Receiving", "Ada", "Rue 1", "69001 Lyon", "France"],
        ),
        (
            {"name": "Ada", "line1": "Gasse 1", "city": "Zürich", "postal_code": "8001", "country": "CH"},
            ["Ada", "Gasse 1", "CH-8001 Zürich", "Switzerland"],
        ),
        (
            {"name": "Ada", "line1": "Gasse 1", "city": "Zürich", "country": "CH"},
            ["Ada", "Gasse 1", "Zürich", "Switzerland"],
        ),
        (
            {"name": "Ada", "line1": "10 Downing St", "city": "London", "state": "Kent"}
            | {"postal_code": "SW1A 2AA", "country": "GB"},
            ["Ada", "10 Downing St", "London", "SW1A 2AA", "Kent", "United Kingdom"],
        ),
        (
            {"name": "Ada", "line1": "1 Road", "postal_code": "546080", "country": "SG"},
            ["Ada", "1 Road", "SINGAPORE 546080", "Singapore"],
        ),
        (
            {"name": "アダ", "line1": "千代田1-1", "city": "千代田区", "state": "東京都"}
            | {"postal_code": "100-0001", "country": "JP"},
            ["〒100-0001", "東京都", "千代田区", "千代田1-1", "アダ", "Japan"],
        ),
        (
            {"name": "Ada", "line1": "1-1 Chiyoda", "city": "Chiyoda-ku", "state": "Tokyo"}
            | {"postal_code": "100-0001", "country": "JP"},
            ["Ada", "1-1 Chiyoda", "Chiyoda-ku, Tokyo", "100-0001", "Japan"],
        ),
        (
            {"name": "Ada", "line1": "Rua 1", "city": "Rio", "state": "RJ", "country": "BR"},
            ["Ada", "Rua 1", "Rio-RJ", "Brazil"],
        ),
        ({"name": "Ada", "line1": "x", "city": "y", "postal_code": "1", "country": "XZ"}, ["Ada", "x", "1 y", "XZ"]),
        ({}, []),
    ],
)
def test_an_address_is_written_as_in_its_country(address: dict[str, str], lines: list[str]) -> None:
    assert address_lines(address) == lines


def test_nothing_typed_is_left_out_in_any_country() -> None:
    fields = ("name", "company", "department", "line1", "line2", "city", "state", "postal_code")
    typed = {field: f"typed {field}" for field in fields}
    for country in (
        "AE",
        "AU",
        "BR",
        "CN",
        "DE",
        "ES",
        "FR",
        "GB",
        "HK",
        "IE",
        "IN",
        "IT",
        "JP",
        "KR",
        "NL",
        "SG",
        "US",
    ):
        text = "\n".join(address_lines(typed | {"country": country}))
        assert [field for field in fields if f"typed {field}" not in text] == [], country


@pytest.mark.parametrize(
    ("changed", "warnings"),
    [
        ({}, []),
        ({"postal_code": "94105-1234", "state": "ca"}, []),
        ({"state": "California"}, []),
        ({"postal_code": "9410"}, ["“9410” does not look like a ZIP code of United States, as 95014 does."]),
        ({"state": ""}, ["State is missing; an address in United States needs one."]),
        ({"state": "Bayern"}, ["“Bayern” is not known as a state of United States."]),
        ({"country": "IE", "state": "", "postal_code": "A65F4E2"}, []),
        ({"country": "GB", "state": "", "postal_code": "sw1a 2aa"}, []),
        ({"country": "SG", "state": "", "city": "", "postal_code": "546080"}, []),
        ({"country": "XZ", "postal_code": "?"}, []),
    ],
)
def test_what_a_carrier_may_stumble_over_is_said(changed: dict[str, str], warnings: list[str]) -> None:
    assert address_warnings(US | changed) == warnings


@pytest.mark.django_db
def test_a_city_is_needed_where_addresses_have_one() -> None:
    address = Address(customer=make_customer(), name="Ada", line1="1 Road", country="SG", postal_code="546080")
    address.full_clean()
    address.country = "DE"
    with pytest.raises(ValidationError, match="This field is required"):
        address.full_clean()


@pytest.mark.django_db
def test_an_address_is_frozen_as_before_where_nothing_new_is_filled_in() -> None:
    address = Address(customer=Customer(), name="Ada", line1="1 Road", city="Ely", country="GB")
    assert set(address.frozen()) == {"name", "line1", "line2", "city", "state", "postal_code", "country"}
    address.company = "ACME"
    assert address.frozen()["company"] == "ACME"


def test_browsers_are_told_what_each_country_calls_its_fields(client: Client) -> None:
    formats = client.get("/address-fields.json").json()
    assert formats["US"] == {
        "fields": ["city", "state", "postal_code"],
        "required": ["city", "postal_code", "state"],
        "labels": {"city": "City", "state": "State", "postal_code": "ZIP code"},
    }
    assert formats["DE"]["fields"] == ["postal_code", "city"]
    assert "city" not in formats["SG"]["fields"]
    rules = country_rules("DE")
    assert rules is not None
    assert rules.required == {"line1", "city", "postal_code"}


@pytest.mark.parametrize(
    ("country", "typed", "written"),
    [
        ("US", "California", "San Francisco, CA 94105"),
        ("US", "california", "San Francisco, CA 94105"),
        ("US", "ca", "San Francisco, CA 94105"),
        ("US", "Kalifornia", "San Francisco, Kalifornia 94105"),
        ("CA", "Colombie-Britannique", "San Francisco BC 94105"),
        ("AU", "New South Wales", "San Francisco NSW 94105"),
        ("IT", "Roma", "94105 San Francisco RM"),
        ("ES", "Madrid", "94105 San Francisco Madrid"),
    ],
)
def test_a_state_is_written_as_the_post_wants_it(country: str, typed: str, written: str) -> None:
    assert written in address_lines(US | {"state": typed, "country": country})
