"""What a person does about a refund that failed, or that Stripe knows nothing of: again, or settled otherwise."""

from datetime import datetime

from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext as _

from billing import invoices
from billing.models import Payment, Refund
from customers.actors import Actor
from ecommerce.models import Order, OrderAct
from ecommerce.orders import completion
from ecommerce.orders.errors import OrderError, in_flight
from ecommerce.orders.history import record
from ecommerce.orders.payment_status import refresh
from ecommerce.orders.refund import open_refund_act, request_cancel, request_refund, request_return
from ecommerce.orders.selectors import failed_refund, open_act, unsent_operation

Kind = OrderAct.Kind
Status = Refund.Status


def retry_refund(*, order_id: int, by: Actor, at: datetime) -> Order:
    """Begin a new refund in place of one that failed; raise OrderRefused."""
    with transaction.atomic():
        order = _locked(order_id)
        failed = _failed(order)
        act = getattr(failed, "act", None)
        if act and _was_refused(act) and act.kind == Kind.CANCEL:
            again = request_cancel(order, reason=act.reason, by=by, at=at)
        elif act and _was_refused(act) and act.kind == Kind.RETURN:
            again = request_return(order, reason=act.reason, restock=act.restock, by=by, at=at)
        else:
            again = _like(order, failed, by=by, at=at)
            request_refund(order, again, failed.payment, min(failed.amount, failed.payment.refundable), by=by, at=at)
        if again and again.refund:
            _replace(failed, again.refund)
    return order


def send_again(*, order_id: int, by: Actor, at: datetime) -> Order:
    """Send a wish once more that Stripe knows nothing of after 23 hours; raise OrderRefused."""
    with transaction.atomic():
        order = _locked(order_id)
        act = open_act(order)
        wish = unsent_operation(order, act)
        if wish is None:
            raise OrderError("nothing_to_send", _("Nothing of this order waits to be sent again."))
        # A process that hung since then may still come: whoever looks first finds what it did.
        type(wish).objects.filter(pk=wish.pk).update(
            first_sent_at=at, next_attempt_at=at, attention="", generation=F("generation") + 1
        )
        refresh(order, open_act(order))
        order.save()
        record(order, "sent_again", by=by, at=at, amount=wish.amount, currency=order.currency)
    return order


def settle_outside(*, order_id: int, note: str, by: Actor, at: datetime) -> Order:
    """Record that a refund was made outside Stripe, by whom and how; raise OrderRefused."""
    if not note.strip():
        raise OrderError("note_required", _("Say how and when it was refunded."), field="note")
    with transaction.atomic():
        order = _locked(order_id)
        failed = _given_up(order, at=at) or _failed(order)
        act = open_act(order) or _like(order, failed, by=by, at=at)
        outside = _record_outside(order, act, failed, note=note, by=by, at=at)
        completion.complete(order, act, at=at)
        if order.invoice and failed.payment.status == Payment.Status.SUCCEEDED:
            order.amount_refunded += outside.amount
            invoices.issue_credit_note(invoice=order.invoice, refund=outside, at=at)
        completion.close_act(act, OrderAct.Outcome.DONE, at=at, message=note)
        refresh(order, None)
        order.save()
    return order


def _locked(order_id: int) -> Order:
    return Order.objects.locked().select_related("invoice").get(pk=order_id)


def _failed(order: Order) -> Refund:
    act = open_act(order)
    if act:
        raise in_flight(order, act)
    failed = failed_refund(order)
    if failed is None:
        raise OrderError("no_failed_refund", _("No failed refund of this order waits for anybody."))
    return failed


def _was_refused(act: OrderAct) -> bool:
    return act.outcome != OrderAct.Outcome.DONE


def _like(order: Order, failed: Refund, *, by: Actor, at: datetime) -> OrderAct:
    """Open an act like the one whose refund failed; what was carried out already leaves only the money to be sent."""
    act = getattr(failed, "act", None)
    if act is None or not _was_refused(act):
        return open_refund_act(order, Kind.REFUND, reason=failed.reason, by=by, at=at)
    kind = Kind(act.kind)
    return open_refund_act(order, kind, reason=act.reason, by=by, at=at, restock=act.restock, lines=act.lines)


def _given_up(order: Order, *, at: datetime) -> Refund | None:
    """Give up the refund that Stripe knows nothing of, and give it."""
    wish = unsent_operation(order, open_act(order))
    if not isinstance(wish, Refund):
        return None
    Refund.objects.filter(pk=wish.pk, status=Status.REQUESTED).update(
        status=Status.FAILED, closed_at=at, next_attempt_at=None, failure_code="settled_outside", attention=""
    )
    return Refund.objects.select_related("payment").get(pk=wish.pk)


def _record_outside(order: Order, act: OrderAct, failed: Refund, *, note: str, by: Actor, at: datetime) -> Refund:
    whole = act.kind in {Kind.CANCEL, Kind.RETURN}
    outside = Refund.objects.create(
        payment=failed.payment,
        amount=failed.payment.refundable if whole else min(failed.amount, failed.payment.refundable),
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
    _replace(failed, outside)
    act.refund = outside
    act.save(update_fields=["refund"])
    record(order, "settled_outside", by=by, at=at, note=note, amount=outside.amount, currency=order.currency)
    return outside


def _replace(failed: Refund, by_refund: Refund) -> None:
    Refund.objects.filter(pk=by_refund.pk).update(instead_of=failed)
