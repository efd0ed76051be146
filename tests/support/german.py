"""Orders in a shop that charges VAT, as the fixture `germany` sets it up."""

from typing import Any

from django.utils import timezone

from customers.actors import Actor
from customers.models import Address
from ecommerce.models import Order, Product, Sku
from ecommerce.orders.place import place
from tests.support.factories import ANA, make_sku, wanted_by


def mug_and_book(currency: str = "eur") -> tuple[Sku, Sku]:
    """Give a mug of 20.00 at 19 % and a book of 10.00 at 7 %."""
    mug = make_sku(shippable=True, price=2000, currency=currency)
    book = make_sku("BOOK", product="Book", shippable=True, price=1000, currency=currency)
    Product.objects.filter(name="Book").update(tax_category="reduced")
    return mug, book


def ordered(address: Address, *skus: Sku, by: Actor = ANA, **fields: Any) -> Order:
    """Place an order of these, which is paid."""
    return place(
        new_order=wanted_by(address.customer, *skus, address_id=address.pk, **fields), by=by, at=timezone.now()
    )
