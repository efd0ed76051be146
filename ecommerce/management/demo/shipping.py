"""Where the demo shop ships to, and what that costs."""

from dataclasses import dataclass
from typing import Any

from ecommerce.models import ShippingRate, ShippingZone

LIGHT = 1000  # grams, from which on a parcel costs more


@dataclass(frozen=True, slots=True)
class Tariff:
    """Prices in the minor unit, for standard light and heavy, for express, and from what on standard is free."""

    currency: str
    light: int
    heavy: int
    express: int
    free_from: int


ZONES: tuple[tuple[dict[str, Any], tuple[int, int], tuple[Tariff, ...]], ...] = (
    (
        {"name": "United States", "countries": ["US"]},
        (3, 6),
        (Tariff("usd", 650, 1150, 2400, 10000), Tariff("eur", 600, 1050, 2200, 9000)),
    ),
    (
        {"name": "Alaska and Hawaii", "countries": ["US"], "regions": ["AK", "HI"]},
        (5, 10),
        (Tariff("usd", 1200, 2600, 4900, 20000), Tariff("eur", 1100, 2400, 4500, 18000)),
    ),
    (
        {"name": "Germany", "countries": ["DE"]},
        (1, 3),
        (Tariff("eur", 490, 790, 1190, 6900), Tariff("usd", 550, 850, 1290, 7500)),
    ),
    (
        {"name": "France", "countries": ["FR"]},
        (2, 5),
        (Tariff("eur", 790, 1290, 1990, 9900), Tariff("usd", 850, 1390, 2150, 10900)),
    ),
    (
        {"name": "Rest of the world", "rest_of_world": True},
        (5, 15),
        (
            Tariff("usd", 1400, 2900, 5900, 25000),
            Tariff("eur", 1300, 2700, 5500, 23000),
            Tariff("jpy", 900, 1800, 3800, 15000),
            Tariff("kwd", 1500, 3000, 6000, 30000),
        ),
    ),
)


def create_shipping() -> None:
    for places, days, tariffs in ZONES:
        zone = ShippingZone.objects.create(**places)
        ShippingRate.objects.bulk_create(rate for tariff in tariffs for rate in _rates(zone, tariff, days))


def _rates(zone: ShippingZone, tariff: Tariff, days: tuple[int, int]) -> list[ShippingRate]:
    known = {"zone": zone, "currency": tariff.currency}
    standard = known | {"name": "Standard", "free_from": tariff.free_from, "days_from": days[0], "days_to": days[1]}
    return [
        ShippingRate(price=tariff.light, weight_to=LIGHT, **standard),
        ShippingRate(price=tariff.heavy, weight_from=LIGHT, **standard),
        ShippingRate(name="Express", price=tariff.express, days_from=1, days_to=2, **known),
    ]
