from typing import Any

import pytest
from django.db import IntegrityError, transaction

from ecommerce.models import ShippingRate, ShippingZone
from ecommerce.shipping.options import applies, options, zone_of
from ecommerce.shipping.zones import rates_for
from tests.ecommerce.shipping.test_options import Place
from tests.support.factories import make_shipping_rate

pytestmark = pytest.mark.django_db


def zone(name: str, **fields: Any) -> ShippingZone:
    return ShippingZone.objects.create(name=name, **fields)


def test_a_shop_without_zones_says_so_by_one_statement(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(1):
        assert applies(rates_for("DE")) is False


def test_what_may_hold_the_country_comes_with_its_rates_by_one_statement(django_assert_num_queries: Any) -> None:
    make_shipping_rate(zone("France", countries=["FR"]))
    germany = zone("Germany", countries=["DE"])
    make_shipping_rate(germany, name="Letter", price=195, weight_to=500, days_from=2, days_to=4, free_from=9900)
    make_shipping_rate(germany, name="Pigeon", active=False)
    zone("Islands", countries=["DE"], postal_codes=["27498"])
    zone("Everywhere else", rest_of_world=True)
    with django_assert_num_queries(1):
        found = rates_for("DE")
    (letter,) = options(found, place=Place("DE", "", "80331"), currency="eur", goods=100, weight=499)
    assert (letter.name, letter.price, letter.days_from, letter.days_to) == ("Letter", 195, 2, 4)
    assert options(found, place=Place("DE", "", "27498"), currency="eur", goods=100, weight=499) == []


def test_where_no_zone_covers_the_country_the_shop_has_zones_all_the_same() -> None:
    make_shipping_rate(zone("France", countries=["FR"]))
    found = rates_for("DE")
    assert applies(found) is True
    assert zone_of(found, Place("DE")) is None


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"rest_of_world": True, "countries": ["DE"]},
        {"rest_of_world": True, "regions": ["CA"]},
        {"rest_of_world": True, "postal_codes": ["80"]},
        {"countries": ["US", "CA"], "regions": ["CA"]},
        {"countries": ["DE", "FR"], "postal_codes": ["80"]},
    ],
)
def test_a_zone_is_places_or_the_rest_of_the_world(fields: dict[str, Any]) -> None:
    with pytest.raises(IntegrityError, match="shipping_zone_"):
        zone("Zone", **fields)


def test_there_is_one_rest_of_the_world() -> None:
    zone("World", rest_of_world=True)
    with pytest.raises(IntegrityError, match="shipping_zone_one_rest_of_world"), transaction.atomic():
        zone("Elsewhere", rest_of_world=True)
    zone("Germany", countries=["DE"])
    zone("France", countries=["FR"])


@pytest.mark.parametrize(
    ("fields", "constraint"),
    [
        ({"currency": "isk", "price": 150}, "price_step"),
        ({"currency": "kwd", "price": 1005}, "price_step"),
        ({"currency": "isk", "price": 100, "free_from": 150}, "free_from"),
        ({"free_from": 0}, "free_from"),
        ({"weight_from": 1000, "weight_to": 1000}, "weights"),
        ({"days_from": 3, "days_to": 2}, "days"),
        ({"days_from": 3}, "days"),
        ({"days_to": 3}, "days"),
        ({"price": -1}, "price"),
    ],
)
def test_a_rate_that_makes_no_sense_is_refused(fields: dict[str, Any], constraint: str) -> None:
    with pytest.raises(IntegrityError, match=f"shipping_?rate_{constraint}"):
        make_shipping_rate(**fields)


def test_rates_on_the_step_are_kept() -> None:
    for currency, price in (("isk", 100), ("kwd", 1010), ("jpy", 1), ("usd", 0)):
        make_shipping_rate(currency=currency, price=price, free_from=price or None, days_from=2, days_to=2)
    assert ShippingRate.objects.count() == 4
