"""Orders that were sent, and their returns as documents, as tests bring them about."""

from collections.abc import Sequence
from typing import Any

from django.utils import timezone

from ecommerce.models import Order, Return
from ecommerce.orders.fulfill import fulfill
from ecommerce.orders.returns import Received, close_return, open_return, receive_return
from tests.support.factories import ANA, make_sku
from tests.support.order_acts import items_of, paid_lines


def two_lines(**fields: Any) -> Order:
    """Give a paid order of 3 mugs of 15.00 and 2 shirts of 20.00; 10 of each were in stock."""
    mug = make_sku("MUG", shippable=True, stock=10)
    shirt = make_sku("TEE", product="Shirt", shippable=True, stock=10, price=2000)
    return paid_lines((mug, 3), (shirt, 2), **fields)


def sent(order: Order | None = None, items: Sequence[tuple[int, int]] | None = None) -> Order:
    """Send an order, or some of it."""
    return fulfill(order_id=(order or two_lines()).pk, items=items, by=ANA, at=timezone.now())


def opened(order: Order, *quantities: int, **fields: Any) -> Return:
    """Open a return of so many units of each item, approved."""
    chosen = [(item.pk, quantity) for item, quantity in zip(items_of(order), quantities, strict=False) if quantity]
    known: dict[str, Any] = {"reason": "Too small", "approved": True, "by": ANA, "at": timezone.now()}
    return open_return(order_id=order.pk, items=chosen, **(known | fields))


def receive(one: Return, *quantities: int, condition: str = "resellable", **fields: Any) -> Return:
    """Receive so many units of each item of the order; complete, unless told otherwise."""
    restock = fields.pop("restock", True)
    came = [
        Received(item_id=item.pk, quantity=quantity, condition=condition, restock=restock)
        for item, quantity in zip(items_of(one.order), quantities, strict=False)
        if quantity
    ]
    known: dict[str, Any] = {"complete": True, "by": ANA, "at": timezone.now()}
    return receive_return(return_id=one.pk, received=came, **(known | fields))


def received(order: Order, *quantities: int, **fields: Any) -> Return:
    """Open and receive a return of so many units of each item."""
    return receive(opened(order, *quantities, **fields), *quantities)


def close(one: Return, **fields: Any) -> Return:
    """Close a return with a refund, unless told otherwise."""
    known: dict[str, Any] = {"refund": True, "shipping": False, "fees": (), "by": ANA, "at": timezone.now()}
    return close_return(return_id=one.pk, **(known | fields))
