"""Fulfill an order: parcels leave with some or all of what is left to send. No money moves: one transaction."""

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from customers.actors import Actor
from ecommerce.mails import acts as mails
from ecommerce.models import Fulfillment, Order, OrderAct, OrderEvent, OrderItem
from ecommerce.orders.errors import OrderError, changed_meanwhile, in_flight, needs_attention, on_hold, wrong_status
from ecommerce.orders.history import record
from ecommerce.orders.parcels import (
    Content,
    Parcel,
    contents,
    in_words,
    last_change,
    left_fingerprint,
    left_to_send,
    send,
)
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
    """Send one parcel of a paid order, with `items` or all that is left; raise OrderError."""
    parcel = Parcel(items=items, carrier=carrier, tracking_numbers=(tracking_number,))
    return fulfill_in_parcels(order_id=order_id, parcels=[parcel], by=by, at=at, despite_attention=despite_attention)


def fulfill_in_parcels(
    *,
    order_id: int,
    parcels: Sequence[Parcel],
    by: Actor,
    at: datetime,
    seen_left: str | None = None,
    request_key: str = "",
    despite_attention: bool = False,
) -> Order:
    """Send parcels of a paid order, which is fulfilled once nothing is left to send; raise OrderError.

    `seen_left` is the `left_fingerprint` of when the user decided: where that has changed, nothing is sent. An order
    that needs attention is sent only if a user with that permission said so. The same request with the same key sends
    nothing again.
    """
    request = _fingerprint(request_key, parcels)
    with transaction.atomic():
        order = Order.objects.locked().get(pk=order_id)
        if request and _is_repeated(order, request):
            return order
        attention = order.attention
        check_fulfillable(order, open_act(order), despite_attention=despite_attention)
        own = list(order.items.order_by("pk"))
        if seen_left not in {None, left_fingerprint(own)}:
            raise changed_meanwhile(order, last_change(order))
        held = contents(order, own, parcels)
        sent = [send(order, parcel, content, by=by, at=at) for parcel, content in zip(parcels, held, strict=True)]
        is_complete = sum(map(Counter, held), Counter[int]()) == Counter(left_to_send(own))
        if is_complete:
            order.fulfill(at=at)
        else:
            order.fulfillment_state = Order.FulfillmentState.PARTIAL
        # Computed anew: a cancellation that Stripe refused is of no concern any more.
        refresh(order, None)
        kind = OrderEvent.Kind.FULFILLED if is_complete else OrderEvent.Kind.PARTLY_FULFILLED
        also = {name: value for name, value in (("despite", attention), ("request", request)) if value}
        record(order, kind, by=by, at=at, **_event_data(own, sent, held), **also)
        mails.shipped(filter(None, sent))
    return order


def _fingerprint(key: str, parcels: Sequence[Parcel]) -> dict[str, str]:
    asked = [(parcel.items and sorted(parcel.items), parcel.label) for parcel in parcels]
    return {"key": key, "hash": hashlib.sha256(json.dumps(asked).encode()).hexdigest()} if key else {}


def _is_repeated(order: Order, request: dict[str, str]) -> bool:
    sent = order.events.filter(kind__in=(OrderEvent.Kind.PARTLY_FULFILLED, OrderEvent.Kind.FULFILLED))
    earlier = sent.filter(data__request__key=request["key"]).values_list("data", flat=True).first()
    if earlier and earlier["request"] != request:
        sentence = _("This Idempotency-Key was used for another parcel of order %(number)s. Take a new one.")
        raise OrderError("idempotency_conflict", sentence % {"number": order.number})
    return earlier is not None


def _event_data(
    own: Sequence[OrderItem], sent: Sequence[Fulfillment | None], held: Sequence[Content]
) -> dict[str, Any]:
    if len(sent) != 1:
        words = [f"{in_words(own, content)} ({parcel})" for parcel, content in zip(sent, held, strict=True)]
        return {"parcels": words, "fulfillments": [parcel.pk for parcel in sent if parcel]}
    parcel = sent[0]
    numbers = {"carrier": parcel.carrier if parcel else "", "tracking_number": parcel.tracking_number if parcel else ""}
    if parcel is None:
        return numbers
    further = {"further_tracking_numbers": parcel.further_tracking_numbers} if parcel.further_tracking_numbers else {}
    return {"items": in_words(own, held[0]), **numbers, **further, "fulfillments": [parcel.pk]}


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
    if order.is_wholly_refunded:
        sentence = _("Order %(number)s was wholly refunded; it can only be canceled.") % {"number": order.number}
        raise OrderError("wholly_refunded", sentence)
    if order.on_hold:
        raise on_hold(order)
    if order.attention and not despite_attention:
        raise needs_attention(order)
