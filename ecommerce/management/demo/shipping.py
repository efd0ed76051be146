"""Where the demo shop ships to, and what that costs."""

from typing import Any

from ecommerce.models import ShippingRate, ShippingZone

LIGHT = 1000  # grams, from which on a parcel costs more
MINOR_UNITS = {"usd": 100, "eur": 90, "jpy": 150, "kwd": 310}
"""What one of the tariffs' units is in each of the shop's currencies: an order in any of them ships anywhere."""

# Places, the days that the standard takes, and prices: of a light parcel, a heavy one, the express, and free from.
TARIFFS: tuple[tuple[dict[str, Any], tuple[int, int], tuple[int, int, int, int]], ...] = (
    ({"name": "United States", "countries": ["US"]}, (3, 6), (6, 11, 24, 100)),
    ({"name": "Alaska and Hawaii", "countries": ["US"], "regions": ["AK", "HI"]}, (5, 10), (12, 26, 49, 200)),
    ({"name": "Germany", "countries": ["DE"]}, (1, 3), (5, 8, 13, 70)),
    ({"name": "France", "countries": ["FR"]}, (2, 5), (8, 14, 22, 110)),
    ({"name": "Rest of the world", "rest_of_world": True}, (5, 15), (14, 29, 59, 250)),
)


def create_shipping() -> None:
    for places, days, units in TARIFFS:
        zone = ShippingZone.objects.create(**places)
        for currency, minor in MINOR_UNITS.items():
            _create_rates(zone, currency, days, tuple(unit * minor for unit in units))


def _create_rates(zone: ShippingZone, currency: str, days: tuple[int, int], prices: tuple[int, ...]) -> None:
    light, heavy, express, free_from = prices
    known: dict[str, Any] = {"zone": zone, "currency": currency}
    standard = known | {"name": "Standard", "free_from": free_from, "days_from": days[0], "days_to": days[1]}
    ShippingRate.objects.create(price=light, weight_to=LIGHT, **standard)
    ShippingRate.objects.create(price=heavy, weight_from=LIGHT, **standard)
    ShippingRate.objects.create(name="Express", price=express, days_from=1, days_to=2, **known)
