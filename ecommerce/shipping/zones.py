"""The zones that may hold an address, with their rates, by one statement."""

from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import F, OuterRef, Q, Subquery
from django.db.models.functions import JSONObject

from ecommerce.models import ShippingRate, ShippingZone
from ecommerce.shipping.options import Rate, Zone

_RATE_FIELDS = (
    "id",
    "name",
    "currency",
    "price",
    "free_from",
    "weight_from",
    "weight_to",
    "days_from",
    "days_to",
    "active",
)


def rates_for(country: str) -> list[Zone]:
    """Return what `options` chooses from. It is empty only where the shop has no zones at all.

    So that one statement says both, the first of all zones is among them, whatever it covers.
    """
    of_zone = ShippingRate.objects.filter(zone=OuterRef("pk")).order_by("pk")
    rates = of_zone.values(json=JSONObject(**{name: F(name) for name in _RATE_FIELDS}))
    first = Subquery(ShippingZone.objects.order_by("pk").values("pk")[:1])
    found = ShippingZone.objects.filter(Q(countries__contains=[country]) | Q(rest_of_world=True) | Q(pk=first))
    rows: Any = found.order_by("pk").values(
        "id", "countries", "regions", "postal_codes", "rest_of_world", found=ArraySubquery(rates)
    )
    return [Zone(rates=[Rate(**rate) for rate in row.pop("found")], **row) for row in rows]
