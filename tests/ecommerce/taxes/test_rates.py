"""Which rates are read for an order: those that may hold."""

from decimal import Decimal
from typing import Any

from ecommerce.models import ShopSettings, TaxRate
from ecommerce.taxes.rates import rates_for
from ecommerce.taxes.territories import countries_beside
from tests.ecommerce.taxes.cases import Place


def rate(country: str, name: str, **fields: Any) -> TaxRate:
    return TaxRate.objects.create(country=country, name=name, percent=Decimal(1), **fields)


def read(*places: Any) -> set[str]:
    return {found.name for found in rates_for(places, home=ShopSettings.objects.get().country)}


def test_the_rates_of_the_place_and_of_the_shops_own_country(db: None) -> None:
    ShopSettings.objects.update(country="DE")
    first = rate("JP", "the first of all")
    rate("DE", "home")
    rate("DE", "home, in part", postal_codes=["27498"])
    rate("FR", "there")
    rate("IT", "elsewhere")
    assert read(Place("FR")) == {first.name, "home", "there"}


def test_a_shop_without_rates_reads_none(db: None) -> None:
    assert read(Place("FR")) == set()


def test_a_shop_with_rates_elsewhere_has_some(db: None) -> None:
    rate("IT", "elsewhere")
    assert read(Place("FR")) == {"elsewhere"}
    assert read() == {"elsewhere"}


def test_of_a_state_with_rates_for_each_zip_code_only_a_few_are_read(db: None) -> None:
    rate("US", "whole country")
    rate("US", "state", region="CA")
    rate("US", "another state", region="NY")
    TaxRate.objects.bulk_create(
        TaxRate(country="US", region="CA", name=f"ZIP {code}", percent=1, postal_codes=[str(code)])
        for code in range(90000, 92000)
    )
    rate("US", "beginning", region="CA", postal_codes=["904"])
    rate("US", "range", region="CA", postal_codes=["96000-96999"])  # compared in Python
    expected = {"whole country", "state", "ZIP 90401", "beginning", "range"}
    assert read(Place("US", "CA", "90401", "Santa Monica")) == expected
    assert read(Place("US", "california", "90401-1234")) == expected


def test_countries_whose_rates_may_hold_beside() -> None:
    assert countries_beside("DE") == {"DE"}
    assert countries_beside("MC") == {"FR"}
    assert countries_beside("AX") == {"AX", "FI"}
    assert countries_beside("FI") == {"FI", "AX"}
    assert {"FR", "GP", "RE"} <= countries_beside("FR")
    assert countries_beside("GB") == countries_beside("XI") == {"GB", "XI"}
