"""Put orders on hold, which keeps them from being sent, and release them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from billing.models import Payment
from customers.actors import STRIPE, SYSTEM, Actor
from ecommerce.models import Order, OrderEvent
from ecommerce.orders.errors import OrderError, on_hold, wrong_status
from ecommerce.orders.history import new_event

MAX_REASON_LENGTH = 200
HOLDABLE = frozenset({Order.Status.CREATED, Order.Status.PAID})
BATCH = 500


def hold(*, order_id: int, reason: str, until: datetime | None = None, by: Actor, at: datetime) -> Order:
    """Keep an order from being sent, until it is released, or until a moment; raise OrderError."""
    with transaction.atomic():
        order = Order.objects.locked().get(pk=order_id)
        check_terms(reason, until, at=at)
        check_holdable(order)
        put_on_hold([order], reason=reason, until=until, by=by, at=at)
    return order


def release(*, order_id: int, by: Actor, at: datetime) -> Order:
    """Let an order that is on hold be sent again; raise OrderError."""
    with transaction.atomic():
        order = Order.objects.locked().get(pk=order_id)
        check_releasable(order)
        end_hold([order], by=by, at=at)
    return order


def release_expired(*, at: datetime) -> int:
    """Release the orders whose hold has ended by `at`; return how many."""
    released = 0
    while batch := _release_batch(at=at):
        released += batch
    return released


def _release_batch(*, at: datetime) -> int:
    with transaction.atomic():
        expired = Order.objects.filter(on_hold=True, hold_until__lte=at).locked()
        orders = list(expired[:BATCH])
        end_hold(orders, by=SYSTEM, at=at, data={"expired": True})
    return len(orders)


def check_terms(reason: str, until: datetime | None, *, at: datetime) -> None:
    """Raise OrderError where the reason is missing, or the end is over."""
    if not reason.strip():
        raise OrderError("reason_required", _("Say why, so that others know when to release it."), field="reason")
    if until is not None and until <= at:
        raise OrderError("invalid_until", _("The hold would be over already: give a later time."), field="until")


def check_holdable(order: Order) -> None:
    """Raise OrderError if a locked order can't be put on hold now."""
    if order.status not in HOLDABLE:
        raise wrong_status(order, needed=_("created or paid"), act=_("put on hold"))
    if order.on_hold and not order.held_for_review:
        raise on_hold(order)


def check_releasable(order: Order) -> None:
    """Raise OrderError if a locked order is not on hold."""
    if not order.on_hold:
        raise OrderError("not_on_hold", _("Order %(number)s is not on hold.") % {"number": order.number})


def put_on_hold(
    orders: Sequence[Order],
    *,
    reason: str,
    until: datetime | None = None,
    for_review: bool = False,
    by: Actor,
    at: datetime,
    data: Mapping[str, Any] | None = None,
) -> None:
    """Write the hold of orders that the caller has locked and checked, with an event each."""
    if not orders:
        return
    reason = reason.strip()[:MAX_REASON_LENGTH]
    _write(orders, on_hold=True, hold_reason=reason, hold_until=until, held_for_review=for_review)
    said = {"reason": reason, **({"until": until.isoformat()} if until else {}), **(data or {})}
    _record(orders, OrderEvent.Kind.HELD, said, by=by, at=at)


def end_hold(orders: Sequence[Order], *, by: Actor, at: datetime, data: Mapping[str, Any] | None = None) -> None:
    """Write the end of the hold of orders that the caller has locked and checked, with an event each.

    An order that staff release, and whose payment Stripe still reviews, is on hold for that then.
    """
    if not orders:
        return
    by_staff = [order for order in orders if not order.held_for_review]
    _write(orders, on_hold=False, hold_reason="", hold_until=None, held_for_review=False)
    _record(orders, OrderEvent.Kind.RELEASED, data or {}, by=by, at=at)
    hold_for_review(_in_review(by_staff), at=at)


def hold_for_review(orders: Sequence[Order], *, at: datetime) -> None:
    """Put those of locked orders on hold that are not, and that have not left: Stripe reviews their payments."""
    free = [order for order in orders if order.status in HOLDABLE and not order.on_hold]
    reason = _("Stripe Radar reviews the payment: approve or refund it there.")
    put_on_hold(free, reason=reason, for_review=True, by=STRIPE, at=at)


def _in_review(orders: Sequence[Order]) -> list[Order]:
    invoices = [order.invoice_id for order in orders if order.invoice_id]
    if not invoices:
        return []
    reviewed = Payment.objects.filter(invoice__in=invoices, review=Payment.Review.OPEN)
    ids = set(reviewed.values_list("invoice_id", flat=True))
    return [order for order in orders if order.invoice_id in ids]


def _write(orders: Sequence[Order], **columns: Any) -> None:
    Order.objects.with_ids([order.pk for order in orders]).update(**columns)
    for order in orders:
        for name, value in columns.items():
            setattr(order, name, value)


def _record(
    orders: Sequence[Order], kind: OrderEvent.Kind, data: Mapping[str, Any], *, by: Actor, at: datetime
) -> None:
    OrderEvent.objects.bulk_create(new_event(order, kind, by=by, at=at, **data) for order in orders)
