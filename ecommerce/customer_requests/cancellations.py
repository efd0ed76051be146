"""Customers ask to cancel an order before anything of it has left, and staff decide."""

from datetime import datetime, timedelta

from django.db import transaction
from django.utils.translation import gettext as _

from customers.actors import Actor
from ecommerce.mails import acts as mails
from ecommerce.models import CustomerRequest, Order, OrderEvent, ShopSettings
from ecommerce.orders.cancel import request_cancel
from ecommerce.orders.errors import OrderError
from ecommerce.orders.history import record
from ecommerce.orders.pay import end_authentication
from ecommerce.orders.payment_status import refresh
from ecommerce.orders.selectors import open_act

Kind, Status = CustomerRequest.Kind, CustomerRequest.Status


def ask_to_cancel(*, order_id: int, reason: str, note: str = "", by: Actor, at: datetime) -> Order:
    """Cancel an order at once where the shop's settings allow that, else ask staff to; raise OrderError.

    The order's refund, if there is one, is to be executed after the commit. Asked again, nothing changes.
    """
    check_cancelable(Order.objects.get(pk=order_id))
    end_authentication(order_id=order_id, at=at)
    with transaction.atomic():
        order = Order.objects.locked().select_related("invoice", "customer__user").get(pk=order_id)
        if order.status == Order.Status.CANCELED:
            return order
        check_cancelable(order)
        if _cancels_by_itself(order, at=at):
            request_cancel(order, reason=_words(reason, note), by=by, at=at)
        elif not order.customer_requests.filter(kind=Kind.CANCELLATION, status=Status.OPEN).exists():
            _ask(order, reason=reason, note=note, by=by, at=at)
    return order


def check_cancelable(order: Order) -> None:
    """Raise OrderError where something has left already, or nothing is left to cancel."""
    if order.status == Order.Status.RETURNED:
        sentence = _("Order %(number)s was returned: nothing is left to cancel.")
        raise OrderError("wrong_status", sentence % {"number": order.number})
    if order.status == Order.Status.FULFILLED or order.items.filter(fulfilled__gt=0).exists():
        sentence = _("Order %(number)s was sent, at least in part: it can't be canceled any more, only returned.")
        raise OrderError("already_sent", sentence % {"number": order.number})


def _cancels_by_itself(order: Order, *, at: datetime) -> bool:
    # Nothing was charged for a created one. One that waits for Stripe is left to staff.
    if open_act(order):
        return False
    minutes = ShopSettings.objects.values_list("cancel_minutes", flat=True).first() or 0
    return order.status == Order.Status.CREATED or at < order.created_at + timedelta(minutes=minutes)


def _ask(order: Order, *, reason: str, note: str, by: Actor, at: datetime) -> None:
    CustomerRequest.objects.create(
        order=order, kind=Kind.CANCELLATION, reason=reason[:200], note=note, requested_at=at, **by.columns
    )
    record(order, OrderEvent.Kind.CANCELLATION_ASKED, by=by, at=at, reason=_words(reason, note))
    set_attention(order)


def approve_cancellation(*, request_id: int, answer: str = "", by: Actor, at: datetime) -> Order:
    """Cancel the order, whose refund is to be executed after the commit, and tell the customer; raise OrderError."""
    order_id = CustomerRequest.objects.values_list("order", flat=True).get(pk=request_id)
    end_authentication(order_id=order_id, at=at)
    with transaction.atomic():
        order, request = lock_request(request_id)
        close_request(request, Status.DONE, answer=answer, by=by, at=at)
        request_cancel(order, reason=_words(request.reason, request.note), by=by, at=at)
    return order


def decline_cancellation(*, request_id: int, answer: str, by: Actor, at: datetime) -> Order:
    """Let the order stay, and tell the customer why; raise OrderError."""
    with transaction.atomic():
        order, request = lock_request(request_id)
        close_request(request, Status.DECLINED, answer=answer, by=by, at=at)
        record(order, OrderEvent.Kind.CANCELLATION_DECLINED, by=by, at=at, reason=answer)
        set_attention(order)
        mails.cancellation_declined(request)
    return order


def lock_request(request_id: int) -> tuple[Order, CustomerRequest]:
    """Lock an order and an open request of it, in a transaction; raise OrderError where it was decided meanwhile."""
    order_id = CustomerRequest.objects.values_list("order", flat=True).get(pk=request_id)
    order = Order.objects.locked().select_related("invoice", "customer__user").get(pk=order_id)
    request = CustomerRequest.objects.select_for_update(of=("self",)).get(pk=request_id)
    request.order = order
    if not request.is_open:
        sentence = _("This request of order %(number)s was %(status)s by %(by)s.")
        names = {"number": order.number, "status": request.get_status_display().lower(), "by": request.decided_by}
        raise OrderError("decided_meanwhile", sentence % names)
    return order, request


def close_request(
    request: CustomerRequest, status: CustomerRequest.Status, *, answer: str, by: Actor, at: datetime
) -> None:
    """Write what became of a locked request."""
    if status == CustomerRequest.Status.DECLINED and not answer.strip():
        raise OrderError("answer_required", _("Say why: the customer reads it."), field="answer")
    request.status, request.answer = status, answer.strip()
    request.decided_at, request.decided_by = at, by.label[:200]
    request.save()


def set_attention(order: Order) -> None:
    """Compute anew why a locked order needs attention, after a request of its customer was written or decided."""
    # `refresh` looks for requests only where there was an attention, so that other orders cost it no query.
    order.attention = order.attention or "?"
    refresh(order, open_act(order))


def _words(reason: str, note: str) -> str:
    return ": ".join(filter(None, [reason, note.strip()]))
