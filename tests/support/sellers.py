"""A shop whose seller is filled in."""

from typing import Any

from django.db import transaction

from billing.models import Seller
from billing.sellers import freeze_seller

DETAILS = {
    "name": "Krug GmbH", "line1": "Invalidenstraße 116", "postal_code": "10115", "city": "Berlin", "country": "DE",
    "tax_id": "DE136695976", "currency": "eur", "footer": "Thank you.",
}  # fmt: skip


def a_seller(**fields: Any) -> Seller:
    """Fill in the seller, or change it."""
    with transaction.atomic():
        Seller.objects.filter(pk=1).update(**(DETAILS | fields))
        seller = Seller.objects.select_related("version").get()
        freeze_seller(seller)
    return seller
