"""What a user does about a refund that failed, or that Stripe does not know: retry, send again, settle outside."""

from datetime import datetime

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from billing.models import Refund, RefundFee
from billing.settlement import sent_now
from customers.actors import Actor
from customers.mail.notify import notifying
from ecommerce.models import Order, OrderAct, OrderEvent
from ecommerce.orders.allocations import allocate_amount
from ecommerce.orders.cancel import request_cancel
from ecommerce.orders.cancel_items import request_cancel_items
from ecommerce.orders.completion import complete_refund, explain_waiting, refunds_the_order
from ecommerce.orders.errors import OrderError, in_flight
from ecommerce.orders.history import record
from ecommerce.orders.payment_status import refresh
from ecommerce.orders.refund import fees_again, request_refund
from ecommerce.orders.return_order import check_no_open_return, request_return
from ecommerce.orders.selectors import failed_refund, open_act, unsent_operation

Kind, Status = OrderAct.Kind, Refund.Status


def retry_refund(*, order_id: int, by: Actor, at: datetime) -> Order:
    """Request a new refund in place of one that failed; raise OrderError."""
    with transaction.atomic():
        order = _locked(order_id)
        failed = _failed_refund(order)
        first = getattr(failed, "act", None)
        with notifying(first is None or first.notify):
            new = _request_anew(order, failed, by=by, at=at)
        if new and new.refund:
            _set_replacement(failed, new.refund)
    return order


def _request_anew(order: Order, failed: Refund, *, by: Actor, at: datetime) -> OrderAct | None:
    act = _refused_act(failed)
    # As at first: the order may have been fulfilled meanwhile, or be refunded from Stripe's dashboard.
    if act and act.kind == Kind.CANCEL:
        return request_cancel(order, reason=act.reason, by=by, at=at)
    if act and act.kind == Kind.CANCEL_ITEMS:
        return request_cancel_items(order, act.lines, reason=act.reason, by=by, at=at)
    if act and act.kind == Kind.RETURN and act.is_whole:
        return request_return(order, reason=act.reason, restock=act.restock, by=by, at=at)
    new = _new_act(order, failed, by=by, at=at)
    request_refund(new, failed.payment, min(failed.amount, failed.payment.refundable), at=at, instead_of=failed)
    return new


def send_again(*, order_id: int, by: Actor, at: datetime) -> Order:
    """Let an operation that Stripe does not know after 23 hours be sent once more; raise OrderError."""
    with transaction.atomic():
        order = _locked(order_id)
        act = open_act(order)
        operation = unsent_operation(order, act)
        if operation is None:
            raise OrderError("nothing_to_send", _("Nothing of this order waits to be sent again."))
        # A new key. A process that has hung since then may still send under the old one: the look-up before the next
        # post, and on every attempt after it, finds what that did.
        type(operation).objects.filter(pk=operation.pk).update(
            first_sent_at=sent_now(), next_attempt_at=Now(), attention="", unexpected=0, generation=F("generation") + 1
        )
        refresh(order, open_act(order))
        data = {"amount": operation.amount, "currency": order.currency}
        record(order, OrderEvent.Kind.SENT_AGAIN, by=by, at=at, ids=operation.log_ids, **data)
        explain_waiting(act, "")
    return order


def settle_outside(*, order_id: int, note: str, by: Actor, at: datetime) -> Order:
    """Record that a failed or unsent refund was made outside Stripe, by whom and how; raise OrderError."""
    if not note.strip():
        raise OrderError("note_required", _("Say how and when it was refunded."), field="note")
    with transaction.atomic():
        order = _locked(order_id)
        failed = _give_up_unsent(order, at=at) or _failed_refund(order)
        act = open_act(order) or _new_act(order, failed, by=by, at=at)
        if act.kind == Kind.RETURN and act.is_whole:
            check_no_open_return(order)
        act.refund = outside = _create_outside(act, failed, note=note, by=by, at=at)
        act.save()
        data = {"note": note, "amount": outside.amount, "currency": order.currency, "refund_id": outside.pk}
        record(order, OrderEvent.Kind.SETTLED_OUTSIDE, by=by, at=at, ids=outside.log_ids, **data)
        complete_refund(order, outside, act, at=at, message=note)
        refresh(order, None)
    return order


def _locked(order_id: int) -> Order:
    return Order.objects.locked().select_related("invoice").get(pk=order_id)


def _failed_refund(order: Order) -> Refund:
    act = open_act(order)
    if act:
        raise in_flight(order, act)
    failed = failed_refund(order)
    if failed is None:
        raise OrderError("no_failed_refund", _("No failed refund of this order waits for anybody."))
    return failed


def _refused_act(failed: Refund) -> OrderAct | None:
    """Return the act that failed with the refund; None where it was completed before the refund failed."""
    act: OrderAct | None = getattr(failed, "act", None)
    return act if act and act.outcome != OrderAct.Outcome.DONE else None


def _new_act(order: Order, failed: Refund, *, by: Actor, at: datetime) -> OrderAct:
    new = OrderAct(order=order, kind=Kind.REFUND, reason=failed.reason, requested_at=at, **by.columns)
    act = _refused_act(failed)
    # If it was completed before its refund failed, only the money is still to be sent.
    # A return that was closed meanwhile, without a refund, is not closed once more.
    if act and (act.is_whole or act.order_return is None or act.order_return.is_open):
        new.kind, new.reason, new.restock, new.lines = act.kind, act.reason, act.restock, act.lines
        new.order_return = act.order_return
    return new


def _give_up_unsent(order: Order, *, at: datetime) -> Refund | None:
    operation = unsent_operation(order, open_act(order))
    if not isinstance(operation, Refund):
        return None
    Refund.objects.filter(pk=operation.pk, status=Status.REQUESTED).update(
        status=Status.FAILED, closed_at=at, next_attempt_at=None, failure_code="settled_outside", attention=""
    )
    return Refund.objects.select_related("payment").get(pk=operation.pk)


def _create_outside(act: OrderAct, failed: Refund, *, note: str, by: Actor, at: datetime) -> Refund:
    # The cancellation or return of all of it changes the status, so that nothing may be left.
    fees = () if act.is_whole else fees_again(failed, failed.payment)
    outside = Refund.objects.create(
        payment=failed.payment,
        amount=failed.payment.refundable if act.is_whole else min(failed.amount, failed.payment.refundable),
        fees=sum(fee.amount for fee in fees),
        currency=failed.currency,
        reason=act.reason,
        status=Status.SUCCEEDED,
        settled_outside=True,
        note=note,
        requested_at=at,
        closed_at=at,
        next_attempt_at=None,
        **by.columns,
    )
    for fee in fees:
        fee.refund = outside
    RefundFee.objects.bulk_create(fees)
    _set_replacement(failed, outside)
    if outside.amount and refunds_the_order(outside):
        allocate_amount(outside, like=failed)
    return outside


def _set_replacement(failed: Refund, new: Refund) -> None:
    Refund.objects.filter(pk=new.pk).update(instead_of=failed)
