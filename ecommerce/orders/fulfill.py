"""Fulfill an order: it was sent, or delivered. No money moves, so that it is one transaction."""

from collections.abc import Mapping
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from customers.actors import Actor
from ecommerce.models import Fulfillment, Order, OrderAct, OrderEvent
from ecommerce.orders.errors import OrderError, in_flight, needs_attention, wrong_status
from ecommerce.orders.history import record
from ecommerce.orders.payment_status import refresh
from ecommerce.orders.selectors import open_act


def fulfill(
    *,
    order_id: int,
    by: Actor,
    at: datetime,
    carrier: str = "",
    tracking_number: str = "",
    despite_attention: bool = False,
) -> Order:
    """Fulfill a paid order; one that needs attention only if a user with that permission said so. Raise OrderError."""
    with transaction.atomic():
        order = Order.objects.locked().get(pk=order_id)
        attention = order.attention
        check_fulfillable(order, open_act(order), despite_attention=despite_attention)
        order.fulfill(at=at)
        # Computed anew: a cancellation that Stripe refused is of no concern any more.
        refresh(order, None)
        shipment = {"carrier": carrier, "tracking_number": tracking_number}
        Fulfillment.objects.create(order=order, at=at, **shipment, **by.columns)
        despite = {"despite": attention} if attention else {}
        record(order, OrderEvent.Kind.FULFILLED, by=by, at=at, **shipment, **despite)
    return order


def check_fulfillable(
    order: Order,
    act: OrderAct | None,
    events: Mapping[int, OrderEvent] | None = None,
    *,
    despite_attention: bool = False,
) -> None:
    """Raise OrderError if a locked order can't be fulfilled now; `act` is its open act.

    `events` are its `status_events`, where a bulk job has read them for many orders.
    """
    if order.status != Order.Status.PAID:
        raise wrong_status(order, needed=_("paid"), act=_("fulfilled"), events=events)
    if act:
        raise in_flight(order, act)
    if order.total and order.amount_refunded >= order.total:
        sentence = _("Order %(number)s was wholly refunded; it can only be canceled.") % {"number": order.number}
        raise OrderError("wholly_refunded", sentence)
    if order.attention and not despite_attention:
        raise needs_attention(order)
