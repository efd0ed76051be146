"""Which shipping rates fit an order, the cheapest first. No ORM, no clock."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from customers import postal_codes
from customers.postal_addresses import state_code


class Place(Protocol):
    """Where an order goes. `region` and `postal_code` are as the address has them."""

    @property
    def country(self) -> str:
        """Its ISO 3166-1 code."""

    @property
    def region(self) -> str:
        """Its state or province, by code or by name."""

    @property
    def postal_code(self) -> str:
        """As it was typed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """A ShippingRate: amounts in the minor unit, weights in grams, from the first one on and below the second."""

    id: int
    name: str
    currency: str
    price: int
    free_from: int | None = None
    weight_from: int = 0
    weight_to: int | None = None
    days_from: int | None = None
    days_to: int | None = None
    active: bool = True

    def fits(self, *, currency: str, weight: int) -> bool:
        """Whether it may be chosen for an order of that currency and weight."""
        below = self.weight_to is None or weight < self.weight_to
        return self.active and self.currency == currency.lower() and self.weight_from <= weight and below

    def price_for(self, goods: int) -> int:
        """Return what it costs beside goods that cost so much after discount."""
        return 0 if self.free_from is not None and goods >= self.free_from else self.price


@dataclass(frozen=True, slots=True, kw_only=True)
class Zone:
    """A ShippingZone with its rates."""

    id: int
    countries: Sequence[str] = ()
    regions: Sequence[str] = ()
    postal_codes: Sequence[str] = ()
    rest_of_world: bool = False
    rates: Sequence[Rate] = ()

    def specificity(self, place: Place) -> tuple[int, int] | None:
        """Return how closely it describes the place, the larger the closer; None where the place is not in it."""
        if self.rest_of_world:
            return 0, 0
        if place.country not in self.countries:
            return None
        if not self.regions and not self.postal_codes:
            return 1, 0
        code = postal_codes.comparable(place.country, place.postal_code)
        listed = (postal_codes.parse(place.country, text) for text in self.postal_codes)
        lengths = [each.length for each in listed if code in each]
        if lengths:
            return 3, max(lengths)
        return (2, 0) if state_code(place.country, place.region) in self.regions else None


@dataclass(frozen=True, slots=True, kw_only=True)
class ShippingOption:
    """A rate that may be chosen, with its price for this order in the minor unit."""

    rate_id: int
    name: str
    price: int
    days_from: int | None
    days_to: int | None


def applies(zones: Sequence[Zone]) -> bool:
    """Whether shipping is charged at all: a shop without zones ships free."""
    return bool(zones)


def options(zones: Iterable[Zone], *, place: Place, currency: str, goods: int, weight: int) -> list[ShippingOption]:
    """Return what may be chosen, the cheapest first; none where no rate of the place's zone fits.

    `goods` is the price of the shipped goods after discount in the minor unit, `weight` theirs in grams. Only the zone
    that describes the place most closely counts: where none of its rates fits, no other zone's does instead.
    """
    zone = zone_of(zones, place)
    offered = [
        ShippingOption(
            rate_id=rate.id,
            name=rate.name,
            price=rate.price_for(goods),
            days_from=rate.days_from,
            days_to=rate.days_to,
        )
        for rate in (zone.rates if zone else ())
        if rate.fits(currency=currency, weight=weight)
    ]
    return sorted(offered, key=_by_price)


def zone_of(zones: Iterable[Zone], place: Place) -> Zone | None:
    """Return the zone that describes the place most closely, if any does."""
    found = [(specificity, -zone.id, zone) for zone in zones if (specificity := zone.specificity(place)) is not None]
    return max(found, key=lambda each: each[:2])[2] if found else None


def _by_price(option: ShippingOption) -> tuple[int, bool, int, str, int]:
    # Of two at one price the quicker one, and whatever says how long it takes.
    return option.price, option.days_to is None, option.days_to or 0, option.name, option.rate_id
