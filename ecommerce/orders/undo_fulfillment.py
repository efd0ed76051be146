"""Take back what was recorded as sent and was not, and correct how it was sent. No money moves: one transaction."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import F, Sum
from django.utils.translation import gettext as _

from customers.actors import Actor
from ecommerce.mails import acts as mails
from ecommerce.models import Fulfillment, Order, OrderEvent, OrderItem, Return, ReturnItem
from ecommerce.orders.errors import OrderError, in_flight, wrong_status
from ecommerce.orders.history import record
from ecommerce.orders.parcels import in_words, label, last_change
from ecommerce.orders.payment_status import refresh
from ecommerce.orders.selectors import open_act

Status, Kind = Order.Status, OrderEvent.Kind
OPEN = (Return.Status.REQUESTED, Return.Status.APPROVED, Return.Status.RECEIVED)


def undo_fulfillment(
    *, order_id: int, reason: str, by: Actor, at: datetime, parcel_ids: Sequence[int] | None = None
) -> Order:
    """Void parcels of an order, or None for all that it has, and bring it back to paid; raise OrderError.

    Nothing of them may have come back. What is void already changes nothing, so that the same request may come twice.
    """
    with transaction.atomic():
        order = Order.objects.locked().get(pk=order_id)
        parcels = _parcels(order, parcel_ids)
        valid = [parcel for parcel in parcels if parcel.voided_at is None]
        if not valid and _is_undone(order, parcel_ids):
            return order
        _check(order, valid)
        own = list(order.items.order_by("pk"))
        content = _content(valid)
        _check_nothing_came_back(order, own, content)
        void = {"voided_at": at, "voided_by": by.label[:200], "void_reason": reason[:200]}
        Fulfillment.objects.filter(pk__in=[parcel.pk for parcel in valid]).update(**void)
        if order.status == Status.FULFILLED:
            order.undo_fulfillment()
        is_partial = sum(item.fulfilled for item in own) > sum(content.values())
        order.fulfillment_state = Order.FulfillmentState.PARTIAL if is_partial else ""
        refresh(order, None)
        record(order, Kind.FULFILLMENT_UNDONE, by=by, at=at, reason=reason, **_event_data(own, valid, content))
    return order


def correct_tracking(
    *, parcel_id: int, carrier: str, tracking_numbers: Sequence[str], reason: str, by: Actor, at: datetime
) -> Order:
    """Write carrier and numbers of a parcel anew; raise OrderError. The same ones change nothing."""
    columns = label(carrier, tracking_numbers)
    with transaction.atomic():
        found = Fulfillment.objects.filter(pk=parcel_id).values_list("order", flat=True).first()
        if found is None:
            raise _no_such_parcel()
        order = Order.objects.locked().get(pk=found)
        parcel = Fulfillment.objects.select_for_update().get(pk=parcel_id)
        if parcel.voided_at:
            raise OrderError("voided", _("This parcel is void: it was never sent, so it has no number to correct."))
        old = {name: getattr(parcel, name) for name in columns}
        if old == columns:
            return order
        before = _describe(parcel)
        for name, value in columns.items():
            setattr(parcel, name, value)
        parcel.save(update_fields=list(columns))
        words = {"old": before, "new": _describe(parcel)}
        record(order, Kind.TRACKING_CHANGED, by=by, at=at, reason=reason, **words, fulfillments=[parcel.pk])
        mails.tracking_corrected(parcel)
    return order


def _parcels(order: Order, ids: Sequence[int] | None) -> list[Fulfillment]:
    rows = Fulfillment.objects.filter(order=order).order_by("pk").select_for_update()
    found = list(rows if ids is None else rows.filter(pk__in=ids))
    if ids is not None and len(found) != len(set(ids)):
        raise _no_such_parcel()
    return found


def _no_such_parcel() -> OrderError:
    return OrderError("unknown_parcel", _("There is no such parcel of this order."), field="parcel")


def _is_undone(order: Order, ids: Sequence[int] | None) -> bool:
    if ids is not None:
        return True
    last = last_change(order)
    return order.status == Status.PAID and last is not None and last.kind == Kind.FULFILLMENT_UNDONE


def _check(order: Order, valid: Sequence[Fulfillment]) -> None:
    # A paid order has parcels where a part of it was sent; a fulfilled one has none where nothing is shipped.
    if order.status != Status.FULFILLED and not (order.status == Status.PAID and valid):
        raise wrong_status(order, needed=_("fulfilled or partly fulfilled"), act=_("undone"))
    act = open_act(order)
    if act:
        raise in_flight(order, act)


def _content(parcels: Sequence[Fulfillment]) -> Counter[int]:
    content = Counter[int]()
    for parcel in parcels:
        content.update(dict(parcel.items.values_list("item", "quantity")))
    return content


def _check_nothing_came_back(order: Order, own: Sequence[OrderItem], content: Counter[int]) -> None:
    expected = _expected_back(order)
    for item in own:
        if content[item.pk] and item.fulfilled - content[item.pk] < item.returned + expected.get(item.pk, 0):
            sentence = _(
                "%(item)s came back already, or is in an open return: what was sent can't be undone. "
                "Decline or cancel an open return first."
            )
            raise OrderError("already_returned", sentence % {"item": item.description})


def _expected_back(order: Order) -> dict[int, int]:
    rows = ReturnItem.objects.filter(order_return__order=order, order_return__status__in=OPEN)
    return dict(rows.values_list("item").annotate(units=Sum(F("quantity") - F("received"))).order_by())


def _event_data(own: Sequence[OrderItem], parcels: Sequence[Fulfillment], content: Counter[int]) -> dict[str, Any]:
    if not parcels:
        return {}
    numbers = ", ".join(filter(None, map(_describe, parcels)))
    return {"items": in_words(own, content), "old": numbers, "fulfillments": [parcel.pk for parcel in parcels]}


def _describe(parcel: Fulfillment) -> str:
    return f"{parcel.carrier} {', '.join(parcel.tracking_numbers)}".strip()
