"""Fulfilling an order: it left, or was delivered."""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from customers.actors import Actor
from ecommerce.models import Fulfillment, Order, OrderAct
from ecommerce.orders.errors import UNKNOWN, LastEvent, OrderError, in_flight, wrong_status
from ecommerce.orders.history import record
from ecommerce.orders.selectors import open_act


def fulfill(*, order_id: int, by: Actor, at: datetime, carrier: str = "", tracking_number: str = "") -> Order:
    """Fulfill a paid order; raise OrderRefused, and nothing happened."""
    with transaction.atomic():
        order = Order.objects.locked().get(pk=order_id)
        check_fulfillable(order, open_act(order))
        order.fulfill(at=at)
        order.save()
        Fulfillment.objects.create(order=order, carrier=carrier, tracking_number=tracking_number, at=at, **by.columns)
        record(order, "fulfilled", by=by, at=at, carrier=carrier, tracking_number=tracking_number)
    return order


def check_fulfillable(order: Order, act: OrderAct | None, last: LastEvent = UNKNOWN) -> None:
    """Refuse an order that can't be fulfilled now; the caller holds its lock, and knows what is in flight with it."""
    if order.status != Order.Status.PAID:
        raise wrong_status(order, needed=_("paid"), act=_("fulfilled"), last=last)
    if act:
        raise in_flight(order, act)
    if order.total and order.amount_refunded >= order.total:
        sentence = _("Order %(number)s was wholly refunded; it can only be canceled.") % {"number": order.number}
        raise OrderError("wholly_refunded", sentence)
