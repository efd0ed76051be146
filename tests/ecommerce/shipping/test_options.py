from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecommerce.shipping.options import Rate, Zone, applies, options, zone_of


@dataclass(frozen=True)
class Place:
    country: str = "DE"
    region: str = ""
    postal_code: str = ""


PARCEL = Rate(id=1, name="Parcel", currency="eur", price=490)
EXPRESS = Rate(id=2, name="Express", currency="eur", price=990, days_from=1, days_to=2)
GERMANY = Zone(id=1, countries=["DE"], rates=[EXPRESS, PARCEL])


def prices(zones: list[Zone], place: Place | None = None, **order: Any) -> dict[str, int]:
    known: dict[str, Any] = {"currency": "eur", "goods": 1000, "weight": 500} | order
    return {each.name: each.price for each in options(zones, place=place or Place(), **known)}


def with_rate(**fields: Any) -> list[Zone]:
    return [replace(GERMANY, rates=[replace(PARCEL, **fields)])]


def test_the_cheapest_comes_first() -> None:
    assert list(prices([GERMANY])) == ["Parcel", "Express"]
    (_, express) = options([GERMANY], place=Place(), currency="eur", goods=0, weight=0)
    assert (express.rate_id, express.price, express.days_from, express.days_to) == (2, 990, 1, 2)


def test_of_two_at_one_price_the_quicker_one_comes_first() -> None:
    slow, unknown = replace(EXPRESS, id=3, name="A", days_to=9), replace(EXPRESS, id=4, name="B", days_to=None)
    assert list(prices([replace(GERMANY, rates=[unknown, slow, EXPRESS])])) == ["Express", "A", "B"]


def test_free_from_counts_what_the_goods_cost_after_discount() -> None:
    zones = with_rate(free_from=5000)
    assert [prices(zones, goods=goods)["Parcel"] for goods in (0, 4999, 5000, 9000)] == [490, 490, 0, 0]


def test_what_became_free_comes_before_what_costs() -> None:
    zones = [replace(GERMANY, rates=[PARCEL, replace(EXPRESS, free_from=5000)])]
    assert list(prices(zones, goods=5000)) == ["Express", "Parcel"]


@pytest.mark.parametrize(
    ("bounds", "fitting", "not_fitting"),
    [
        ({}, [0, 1, 2**31], []),
        ({"weight_from": 1000}, [1000, 9999], [0, 999]),
        ({"weight_to": 1000}, [0, 999], [1000, 1001]),
        ({"weight_from": 1000, "weight_to": 2000}, [1000, 1999], [999, 2000]),
    ],
)
def test_weight_from_is_included_and_weight_to_is_not(
    bounds: dict[str, int], fitting: list[int], not_fitting: list[int]
) -> None:
    assert [weight for weight in fitting if not prices(with_rate(**bounds), weight=weight)] == []
    assert [weight for weight in not_fitting if prices(with_rate(**bounds), weight=weight)] == []


def test_neither_an_inactive_rate_nor_one_of_another_currency_is_offered() -> None:
    assert prices(with_rate(active=False)) == {}
    assert prices([GERMANY], currency="usd") == {}
    assert prices([GERMANY], currency="EUR") == {"Parcel": 490, "Express": 990}


def named(name: str, **fields: Any) -> Zone:
    number = ["world", "us", "west", "california", "bay", "sf"].index(name) + 1
    return Zone(id=number, rates=[replace(PARCEL, id=number, name=name, currency="usd")], **fields)


US_ZONES = [
    named("world", rest_of_world=True),
    named("us", countries=["CA", "US"]),
    named("california", countries=["US"], regions=["CA", "NV"]),
    named("bay", countries=["US"], regions=["HI"], postal_codes=["940-941", "95"]),
    named("sf", countries=["US"], postal_codes=["94105", "94107-94110"]),
]


@pytest.mark.parametrize(
    ("place", "zone"),
    [
        (Place("FR"), "world"),
        (Place("CA", "BC", "V8X 3X4"), "us"),
        (Place("US", "TX", "75001"), "us"),
        (Place("US"), "us"),
        (Place("US", "CA", "90001"), "california"),
        (Place("US", "california"), "california"),
        (Place("US", "Nevada", "89101"), "california"),
        (Place("US", "HI", "96801"), "bay"),
        (Place("US", "CA", "94011"), "bay"),
        (Place("US", "TX", "94011"), "bay"),  # a postal code says more than a region
        (Place("US", "CA", "94105-1234"), "sf"),
        (Place("US", "CA", "94108"), "sf"),
        (Place("US", "CA", "94106"), "bay"),
    ],
)
def test_the_zone_that_says_most_of_the_place_counts(place: Place, zone: str) -> None:
    assert list(prices(US_ZONES, place, currency="usd")) == [zone]
    assert list(prices(US_ZONES[::-1], place, currency="usd")) == [zone]


def test_no_other_zone_stands_in_where_none_of_the_rates_fits() -> None:
    islands = Zone(id=7, countries=["DE"], postal_codes=["27498"])
    assert prices([GERMANY, islands], Place("DE", "", "27498")) == {}
    assert prices([GERMANY, islands], Place("DE", "", "20095")) == {"Parcel": 490, "Express": 990}


def test_without_zones_nothing_applies_and_with_zones_none_may_fit() -> None:
    assert applies([]) is False
    assert (applies([GERMANY]), prices([GERMANY], Place("FR"))) == (True, {})


codes = st.sampled_from(["DE", "FR", "US"])
rates = st.builds(
    Rate,
    id=st.integers(1, 9),
    name=st.sampled_from("abc"),
    currency=st.sampled_from(["eur", "usd"]),
    price=st.integers(0, 2000),
    free_from=st.none() | st.integers(1, 5000),
    weight_from=st.integers(0, 3000),
    weight_to=st.none() | st.integers(1, 5000),
    days_to=st.none() | st.integers(0, 9),
    active=st.booleans(),
)


@st.composite
def zones(draw: Callable[..., Any]) -> Zone:
    kind = draw(st.sampled_from(["world", "country", "region", "code"]))
    fields: dict[str, Any] = {"id": draw(st.integers(1, 99)), "rates": draw(st.lists(rates, max_size=4))}
    if kind == "world":
        return Zone(rest_of_world=True, **fields)
    countries = draw(st.lists(codes, min_size=1, max_size=2, unique=True))
    if kind == "country":
        return Zone(countries=countries, **fields)
    if kind == "region":
        return Zone(countries=countries[:1], regions=["CA"], **fields)
    prefix = draw(st.sampled_from(["9", "94", "941-945", "94105"]))
    return Zone(countries=countries[:1], postal_codes=[prefix], **fields)


places = st.builds(Place, codes, st.sampled_from(["", "CA", "TX"]), st.sampled_from(["", "94105", "94500", "10000"]))


@given(st.lists(zones(), max_size=8), places, st.integers(0, 6000), st.integers(0, 6000))
def test_of_any_zones_and_rates(found: list[Zone], place: Place, goods: int, weight: int) -> None:
    offered = options(found, place=place, currency="eur", goods=goods, weight=weight)
    assert [each.price for each in offered] == sorted(each.price for each in offered)
    zone = zone_of(found, place)
    assert zone is not None or not offered
    fitting = [
        rate
        for rate in (zone.rates if zone else ())
        if rate.active and rate.currency == "eur" and rate.weight_from <= weight
        if rate.weight_to is None or weight < rate.weight_to
    ]
    free = [rate.free_from is not None and rate.free_from <= goods for rate in fitting]
    expected = [(rate.id, 0 if gratis else rate.price) for rate, gratis in zip(fitting, free, strict=True)]
    assert sorted((each.rate_id, each.price) for each in offered) == sorted(expected)
    # Nothing that says more of the place was passed over: an independent ranking, by kind alone.
    kinds = [_kind(each) for each in found if each.specificity(place) is not None]
    assert (_kind(zone) if zone else None) == max(kinds, default=None)


def _kind(zone: Zone) -> int:
    return 0 if zone.rest_of_world else 3 if zone.postal_codes else 2 if zone.regions else 1
