"""Fulfill an order: a parcel leaves with some or all of what is left to send. No money moves: one transaction."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from customers.actors import Actor
from ecommerce.models import Fulfillment, FulfillmentItem, Order, OrderAct, OrderEvent, OrderItem
from ecommerce.orders.errors import OrderError, in_flight, needs_attention, on_hold, wrong_status
from ecommerce.orders.history import record
from ecommerce.orders.payment_status import refresh
from ecommerce.orders.selectors import open_act


def fulfill(
    *,
    order_id: int,
    by: Actor,
    at: datetime,
    items: Sequence[tuple[int, int]] | None = None,
    carrier: str = "",
    tracking_number: str = "",
    despite_attention: bool = False,
) -> Order:
    """Send a parcel of a paid order, which is fulfilled once nothing is left to send; raise OrderError.

    `items` are pairs of an item's id and a quantity; None sends all that is left. An order that needs attention is sent
    only if a user with that permission said so.
    """
    with transaction.atomic():
        order = Order.objects.locked().get(pk=order_id)
        attention = order.attention
        check_fulfillable(order, open_act(order), despite_attention=despite_attention)
        own = list(order.items.order_by("pk"))
        content = {item.pk: item.left_to_send for item in own if item.left_to_send}
        left = sum(content.values())
        if items is not None:
            content = _chosen(order, own, items)
        _send(order, content, carrier=carrier, tracking_number=tracking_number, by=by, at=at)
        kind = OrderEvent.Kind.FULFILLED
        if sum(content.values()) == left:
            order.fulfill(at=at)
        else:
            order.fulfillment_state, kind = Order.FulfillmentState.PARTIAL, OrderEvent.Kind.PARTLY_FULFILLED
        # Computed anew: a cancellation that Stripe refused is of no concern any more.
        refresh(order, None)
        data = {"despite": attention} if attention else {}
        if kind == OrderEvent.Kind.PARTLY_FULFILLED:
            data["items"] = _in_words(own, content)
        record(order, kind, by=by, at=at, carrier=carrier, tracking_number=tracking_number, **data)
    return order


def _chosen(order: Order, own: Sequence[OrderItem], items: Sequence[tuple[int, int]]) -> dict[int, int]:
    """Return the quantities by item id; raise OrderError where they are not left to send."""
    left = {item.pk: item.left_to_send for item in own}
    content: dict[int, int] = {}
    for item_id, quantity in items:
        if item_id not in left or quantity < 1:
            raise OrderError("invalid_items", _("Choose items of this order, and how many of each."), field="items")
        content[item_id] = content.get(item_id, 0) + quantity
    for item in own:
        if content.get(item.pk, 0) > item.left_to_send:
            sentence = _("Of %(item)s, %(left)d are left to send, not %(wanted)d.") % {
                "item": item.description,
                "left": item.left_to_send,
                "wanted": content[item.pk],
            }
            raise OrderError("invalid_items", sentence, field="items")
    if not content:
        sentence = _("Choose what of order %(number)s is in the parcel.") % {"number": order.number}
        raise OrderError("invalid_items", sentence, field="items")
    return content


def _send(
    order: Order, content: Mapping[int, int], *, carrier: str, tracking_number: str, by: Actor, at: datetime
) -> None:
    # Without a parcel where nothing is shipped, unless somebody says how it went.
    if content or carrier or tracking_number:
        parcel = Fulfillment.objects.create(
            order=order, at=at, carrier=carrier, tracking_number=tracking_number, **by.columns
        )
        FulfillmentItem.objects.bulk_create(
            FulfillmentItem(fulfillment=parcel, item_id=item_id, quantity=quantity)
            for item_id, quantity in content.items()
        )


def _in_words(own: Sequence[OrderItem], content: Mapping[int, int]) -> str:
    return ", ".join(f"{content[item.pk]} x {item.description}" for item in own if item.pk in content)


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
    if order.on_hold:
        raise on_hold(order)
    if order.attention and not despite_attention:
        raise needs_attention(order)
