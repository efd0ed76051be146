"""Returns as documents: opened, approved or declined, received, and closed with or without a refund.

Receiving counts what arrived and puts it back in stock; closing gives back the price of what arrived and no more.
"""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime

from django.db import transaction
from django.db.models import F, Sum
from django.utils.translation import gettext as _

from customers.actors import Actor
from ecommerce.mails import acts as mails
from ecommerce.models import Order, OrderAct, OrderEvent, OrderItem, Return, ReturnItem
from ecommerce.orders.completion import close_document
from ecommerce.orders.errors import OrderError, changed_meanwhile, in_flight, wrong_status
from ecommerce.orders.history import record
from ecommerce.orders.parcels import in_words
from ecommerce.orders.payment_status import refresh
from ecommerce.orders.receiving import Received, receive, received_so_far
from ecommerce.orders.refund import complete_without_refund, request_refund
from ecommerce.orders.return_quotes import Fee, quote_return
from ecommerce.orders.selectors import open_act

__all__ = (
    "Fee",
    "Received",
    "approve_return",
    "cancel_return",
    "close_return",
    "decline_return",
    "open_return",
    "quote_return",
    "receive_return",
    "received_so_far",
    "returnable",
    "returnable_so_far",
)

Kind, Event, Status = OrderAct.Kind, OrderEvent.Kind, Return.Status


def open_return(  # noqa: PLR0913
    *,
    order_id: int,
    items: Sequence[tuple[int, int]],
    reason: str,
    note: str = "",
    approved: bool,
    is_withdrawal: bool = False,
    seen: str | None = None,
    by: Actor,
    at: datetime,
) -> Return:
    """Open a return of units that were sent, given by item id; raise OrderError.

    Without `approved` it waits for somebody to approve it. `seen` is what `returnable_so_far` was when the user chose:
    a form that is sent twice opens one return.
    """
    with transaction.atomic():
        order = Order.objects.locked().get(pk=order_id)
        act = open_act(order)
        if act and act.kind == Kind.RETURN and act.is_whole:
            raise in_flight(order, act)
        if order.status not in {Order.Status.PAID, Order.Status.FULFILLED}:
            raise wrong_status(order, needed=_("paid or fulfilled"), act=_("returned"))
        if seen not in {None, returnable_so_far(order)}:
            last = order.events.filter(kind__in=(Event.RETURN_OPENED, Event.RETURN_RECEIVED)).order_by("-pk").first()
            raise changed_meanwhile(order, last)
        own = list(order.items.order_by("pk"))
        units = _chosen(order, own, items)
        opened = Return.objects.create(
            order=order,
            status=Status.APPROVED if approved else Status.REQUESTED,
            reason=reason[:200],
            note=note,
            is_withdrawal=is_withdrawal,
            requested_at=at,
            approved_at=at if approved else None,
            **by.columns,
        )
        rows = [ReturnItem(order_return=opened, item_id=key, quantity=quantity) for key, quantity in units.items()]
        ReturnItem.objects.bulk_create(rows)
        data = {"return": opened.number, "items": in_words(own, units), "reason": reason}
        record(order, Event.RETURN_OPENED, by=by, at=at, **data)
    return opened


def approve_return(*, return_id: int, answer: str = "", by: Actor, at: datetime) -> Return:
    """Approve a return that was requested: the customer may send it; raise OrderError."""
    with transaction.atomic():
        order, one = _locked(return_id, Status.REQUESTED, act=_("approved"))
        one.status, one.approved_at, one.answer = Status.APPROVED, at, answer
        one.save()
        record(order, Event.RETURN_APPROVED, by=by, at=at, **{"return": one.number, "answer": answer})
    return one


def decline_return(*, return_id: int, answer: str, by: Actor, at: datetime) -> Return:
    """Decline a return that was requested, with the sentence that the customer reads; raise OrderError."""
    if not answer.strip():
        raise OrderError("answer_required", _("Say why: the customer reads it."), field="answer")
    with transaction.atomic():
        order, one = _locked(return_id, Status.REQUESTED, act=_("declined"))
        one.status, one.closed_at, one.answer = Status.DECLINED, at, answer
        one.save()
        record(order, Event.RETURN_DECLINED, by=by, at=at, **{"return": one.number, "answer": answer})
    return one


def cancel_return(*, return_id: int, by: Actor, at: datetime) -> Return:
    """Cancel a return of which nothing has arrived; raise OrderError."""
    with transaction.atomic():
        order, one = _locked(return_id, Status.REQUESTED, Status.APPROVED, act=_("canceled"))
        if one.items.filter(received__gt=0).exists():
            sentence = _("Some of return %(number)s has arrived: receive the rest and close it.")
            raise OrderError("received_in_part", sentence % {"number": one.number})
        one.status, one.closed_at = Status.CANCELED, at
        one.save()
        record(order, Event.RETURN_CANCELED, by=by, at=at, **{"return": one.number})
    return one


def receive_return(
    *,
    return_id: int,
    received: Sequence[Received],
    complete: bool,
    seen: str | None = None,
    by: Actor,
    at: datetime,
) -> Return:
    """Count units that arrived, and put those that are to be sold again back in stock; raise OrderError.

    `complete` says that no more will come: what has not arrived is missing. Should it arrive all the same, before the
    return is closed, it is received as well. `seen` is what `received_so_far` was when the user counted: where more has
    arrived since, nothing is counted, so that a parcel that is counted twice arrives once.
    """
    with transaction.atomic():
        order, one = _locked(return_id, Status.APPROVED, Status.RECEIVED, act=_("received"))
        act = open_act(order)
        if act and act.order_return_id == one.pk:
            raise in_flight(order, act)
        if seen not in {None, received_so_far(one)}:
            last = order.events.filter(kind=Event.RETURN_RECEIVED).order_by("-pk").first()
            raise changed_meanwhile(order, last)
        if not received and not complete:
            raise OrderError("invalid_items", _("Say what has arrived."), field="items")
        said = receive(one, received, complete=complete)
        if one.status == Status.APPROVED and not one.items.filter(condition="").exists():
            one.status, one.received_at = Status.RECEIVED, at
            one.save()
        if order.attention:
            refresh(order, act)  # a refused refund of this return was of less than has arrived now
        record(order, Event.RETURN_RECEIVED, by=by, at=at, **{"return": one.number, "items": said})
    return one


def close_return(
    *,
    return_id: int,
    refund: bool,
    shipping: bool,
    fees: Sequence[Fee],
    reason: str = "",
    by: Actor,
    at: datetime,
) -> Return:
    """Close a received return, or request the refund that closes it once Stripe has accepted it; raise OrderError.

    The refund is of what arrived, and of the shipping if `shipping`, less `fees`. Without it nothing goes back.
    """
    with transaction.atomic():
        order, one = _locked_whatever(return_id)
        act = open_act(order)
        if act and act.order_return_id == one.pk and refund and act.request_hash == _hash(shipping, fees):
            return one  # the same request, sent again while it waits for Stripe
        if act:
            raise in_flight(order, act)
        _check_status(one, (Status.RECEIVED,), act=_("closed"))
        if refund:
            _request_refund(order, one, shipping=shipping, fees=fees, reason=reason, by=by, at=at)
        elif fees or shipping:
            raise OrderError("invalid_fees", _("Without a refund, there is no fee and no shipping to refund."))
        else:
            data = {"reason": reason, "refunded": _("no refund")}
            close_document(order, one, by=by, at=at, **data)
            mails.returned_without_refund(one)
            refresh(order, None)
        one.refresh_from_db()
    return one


def _request_refund(
    order: Order, one: Return, *, shipping: bool, fees: Sequence[Fee], reason: str, by: Actor, at: datetime
) -> None:
    quote = quote_return(one, shipping=shipping, fees=fees)
    lines = [[item_id, quantity] for item_id, quantity in quote.units.items()]
    why = reason or one.reason
    act = OrderAct(order=order, kind=Kind.RETURN, order_return=one, reason=why, lines=lines, **by.columns)
    act.requested_at, act.restock, act.request_hash = at, False, _hash(shipping, fees)
    if quote.refund is None or not quote.refund.back.total:
        complete_without_refund(act, at=at)
    else:
        request_refund(act, quote.refund.payment, quote.refund.total, at=at, quote=quote.refund)


def _hash(shipping: bool, fees: Iterable[Fee]) -> str:  # noqa: FBT001
    return hashlib.sha256(repr((shipping, tuple(fees))).encode()).hexdigest()


def returnable(order: Order) -> dict[int, int]:
    """Return by item id how many units were sent, are not back, and are in no other return."""
    open_rows = ReturnItem.objects.filter(order_return__order=order, order_return__closed_at=None)
    awaited = dict(
        open_rows.order_by().values("item").annotate(n=Sum(F("quantity") - F("received"))).values_list("item", "n")
    )
    return {item.pk: item.fulfilled - item.returned - awaited.get(item.pk, 0) for item in order.items.order_by("pk")}


def returnable_so_far(order: Order) -> str:
    """What can come back, as a form carries it."""
    return ",".join(f"{item_id}:{count}" for item_id, count in returnable(order).items())


def _chosen(order: Order, own: Sequence[OrderItem], items: Iterable[tuple[int, int]]) -> dict[int, int]:
    left, units = returnable(order), dict[int, int]()
    for item_id, quantity in items:
        if item_id not in left or quantity < 1:
            raise OrderError("invalid_items", _("Choose items of this order, and how many of each."), field="items")
        units[item_id] = units.get(item_id, 0) + quantity
    if not units:
        raise OrderError("invalid_items", _("Choose what comes back."), field="items")
    for item in own:
        if units.get(item.pk, 0) > left[item.pk]:
            values = {"item": item.description, "left": left[item.pk], "wanted": units[item.pk]}
            sentence = _("Of %(item)s, %(left)d can come back, not %(wanted)d.")
            raise OrderError("invalid_items", sentence % values, field="items")
    return units


def _locked(return_id: int, *statuses: Return.Status, act: str) -> tuple[Order, Return]:
    order, one = _locked_whatever(return_id)
    _check_status(one, statuses, act=act)
    return order, one


def _locked_whatever(return_id: int) -> tuple[Order, Return]:
    # The order first, as everywhere; which order a return is of never changes.
    order_id = Return.objects.values_list("order", flat=True).get(pk=return_id)
    order = Order.objects.locked().select_related("invoice").get(pk=order_id)
    one = Return.objects.select_for_update(of=("self",)).get(pk=return_id)
    one.order = order
    return order, one


def _check_status(one: Return, statuses: Iterable[Return.Status], *, act: str) -> None:
    if Status(one.status) not in statuses:
        values = {"number": one.number, "status": one.get_status_display().lower(), "act": act}
        values["needed"] = _(" or ").join(str(status.label).lower() for status in statuses)
        sentence = _("Return %(number)s is %(status)s; only one that is %(needed)s can be %(act)s.")
        raise OrderError("wrong_status", sentence % values)
