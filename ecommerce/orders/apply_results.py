"""Finishing: what Stripe answered becomes true here, once, wherever it was heard. Called outside any transaction."""

import logging
from collections.abc import Sequence
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from billing import invoices, payments
from billing.models import Invoice, Payment, Refund
from billing.results import DisputeResult, PaymentResult, RefundResult, StripeResult
from customers.actors import STRIPE, SYSTEM
from ecommerce.models import Order, OrderAct
from ecommerce.orders import completion, stock
from ecommerce.orders.apply_results_bulk import apply_full_refunds
from ecommerce.orders.errors import OrderError
from ecommerce.orders.history import record
from ecommerce.orders.pay import mark_paid
from ecommerce.orders.payment_status import refresh
from ecommerce.orders.selectors import open_act

logger = logging.getLogger(__name__)
SAID_YES = {Refund.Status.PENDING, Refund.Status.SUCCEEDED}


def apply_results(*, answers: Sequence[StripeResult], at: datetime) -> None:
    """Finish all of them in one transaction; where one breaks it, one by one, so that it breaks alone."""
    try:
        _finish_together(answers, at=at)
    except Exception:
        if len(answers) == 1:
            raise
        logger.exception("Finishing %d answers failed; finishing them one by one.", len(answers))
        for answer in answers:
            _finish_alone(answer, at=at)


def _finish_alone(answer: StripeResult, *, at: datetime) -> None:
    try:
        _finish_together([answer], at=at)
    except Exception:
        # The wish stays open and due: the sweep asks Stripe again, and finishes it or fails as loudly.
        logger.exception("Finishing %r failed.", answer)


def _finish_together(answers: Sequence[StripeResult], *, at: datetime) -> None:
    with transaction.atomic():
        by_payment = dict(
            Payment.objects.filter(pk__in={answer.payment_id for answer in answers}).values_list("pk", "invoice__order")
        )
        orders = Order.objects.locked().filter(pk__in=by_payment.values()).select_related("customer")
        locked = {order.pk: order for order in orders}
        invoiced = [order.invoice_id for order in locked.values() if order.invoice_id]
        known = {invoice.pk: invoice for invoice in Invoice.objects.locked().filter(pk__in=invoiced)}
        for order in locked.values():
            order.invoice = known[order.invoice_id] if order.invoice_id else None
        if len(locked) > 1:
            # One order after the other would lock these in an order of its own, and batches would block each other.
            stock.lock_all(list(locked))
        for answer in apply_full_refunds(list(locked.values()), answers, at=at):
            _finish_one(locked[by_payment[answer.payment_id]], answer, at=at)


def _finish_one(order: Order, answer: StripeResult, *, at: datetime) -> None:
    if isinstance(answer, PaymentResult):
        _finish_payment(order, answer, at=at)
    elif isinstance(answer, RefundResult):
        _finish_refund(order, answer, at=at)
    elif isinstance(answer, DisputeResult):
        _finish_dispute(order, answer, at=at)
    else:
        _stand(order, open_act(order))


# Payments


def _finish_payment(order: Order, answer: PaymentResult, *, at: datetime) -> None:
    if answer.status is Payment.Status.PROCESSING:
        if Payment.objects.filter(pk=answer.payment_id, closed_at=None).update(
            attention=answer.message, next_attempt_at=None
        ):
            _stand(order, open_act(order))
        return
    closed = payments.apply_payment_result(result=answer, at=at)
    if closed.won:
        finish_as = {
            Payment.Status.SUCCEEDED: _paid,
            Payment.Status.FAILED: _declined,
            Payment.Status.REQUIRES_ACTION: _must_authenticate,
        }
        finish_as[answer.status](order, closed.payment, at=at)
    elif closed.before == Payment.Status.FAILED and answer.status is Payment.Status.SUCCEEDED:
        _succeeded_late(order, closed.payment, answer, at=at)


def _stand(order: Order, act: OrderAct | None) -> None:
    refresh(order, act)
    order.save()


def _paid(order: Order, payment: Payment, *, at: datetime) -> None:
    mark_paid(order, by=STRIPE, at=at, card=str(payment.card or ""), payment=str(payment))
    _close_pay(order, OrderAct.Outcome.DONE, at=at)
    _stand(order, None)


def _declined(order: Order, payment: Payment, *, at: datetime) -> None:
    stock.release(order)
    why = {"code": payment.failure_code, "decline_code": payment.decline_code, "message": payment.failure_message}
    record(order, "payment_failed", by=STRIPE, at=at, amount=payment.amount, currency=payment.currency, **why)
    _close_pay(order, OrderAct.Outcome.FAILED, at=at, message=payment.failure_message)
    _stand(order, None)


def _must_authenticate(order: Order, payment: Payment, *, at: datetime) -> None:
    record(order, "authentication_required", by=STRIPE, at=at, amount=payment.amount, currency=payment.currency)
    _stand(order, open_act(order))


def _close_pay(order: Order, outcome: OrderAct.Outcome, *, at: datetime, message: str = "") -> None:
    act = open_act(order)
    if act and act.kind == OrderAct.Kind.PAY:
        completion.close_act(act, outcome, at=at, message=message)


def _succeeded_late(order: Order, payment: Payment, answer: PaymentResult, *, at: datetime) -> None:
    """A payment that was given up took the money after all: adopt it if the order still wants it, else send it back."""
    if payment.refund_set.exists():
        return  # it is on its way back, or people know that it is not
    if _still_wanted(order, at=at):
        payments.adopt_late_success(payment=payment, result=answer, at=at)
        record(order, "payment_adopted", by=STRIPE, at=at, payment=answer.intent_id)
        _paid(order, payment, at=at)
        return
    Payment.objects.filter(pk=payment.pk, stripe_payment_intent_id=None).update(
        stripe_payment_intent_id=answer.intent_id
    )
    payment.refresh_from_db()
    reason = _("The payment succeeded after it had been given up.")
    payments.create_refund(payment=payment, amount=payment.amount, reason=reason, by=SYSTEM, at=at)
    record(order, "auto_refund", by=SYSTEM, at=at, amount=payment.amount, currency=payment.currency, reason=reason)
    _stand(order, open_act(order))


def _still_wanted(order: Order, *, at: datetime) -> bool:
    if order.status != Order.Status.CREATED or open_act(order):
        return False
    try:
        with transaction.atomic():
            stock.take_again(order, at=at)
    except OrderError:
        return False
    return True


# Refunds


def _finish_refund(order: Order, answer: RefundResult, *, at: datetime) -> None:
    if answer.status is Refund.Status.REQUESTED:
        if Refund.objects.filter(pk=answer.refund_id or 0, closed_at=None).update(
            attention=answer.message, next_attempt_at=None
        ):
            _stand(order, open_act(order))
        return
    closed = payments.apply_refund_result(result=answer, at=at)
    if not closed.won:
        return
    act = open_act(order)
    mine = act if act and act.refund_id == closed.refund.pk else None
    yes, was_yes = closed.refund.status in SAID_YES, closed.before in SAID_YES
    finish_as = {(True, False): _refunded, (True, True): _arrived, (False, True): _taken_back, (False, False): _refused}
    finish_as[yes, was_yes](order, closed.refund, mine, at=at)
    _stand(order, None if mine else act)


def _is_of_the_order(order: Order, refund: Refund) -> bool:
    """Say whether it refunds what paid the order, and not a payment that had been given up."""
    if refund.payment.status not in {Payment.Status.SUCCEEDED, Payment.Status.FAILED}:
        raise payments.RetryLater(
            f"{refund} refunds a payment of order {order.number} that is {refund.payment.status}."
        )
    return refund.payment.status == Payment.Status.SUCCEEDED


def _refunded(order: Order, refund: Refund, act: OrderAct | None, *, at: datetime) -> None:
    pending = refund.status == Refund.Status.PENDING
    kind = "refund_pending" if pending else "refunded"
    record(order, kind, by=refund.by, at=at, amount=refund.amount, currency=refund.currency, refund=str(refund))
    of_the_order = _is_of_the_order(order, refund)
    order.amount_refunded += refund.amount if of_the_order else 0
    if act:
        completion.complete(order, act, at=at)
    if of_the_order and order.invoice:
        invoices.issue_credit_note(invoice=order.invoice, refund=refund, at=at)
    if act:
        completion.close_act(act, OrderAct.Outcome.DONE, at=at)


def _arrived(order: Order, refund: Refund, _act: OrderAct | None, *, at: datetime) -> None:
    record(order, "refund_succeeded", by=STRIPE, at=at, amount=refund.amount, currency=refund.currency)


def _taken_back(order: Order, refund: Refund, _act: OrderAct | None, *, at: datetime) -> None:
    """A refund that was said yes to failed after all: nothing is reopened by itself, people are told."""
    if order.invoice and _is_of_the_order(order, refund):
        invoices.void_credit_note(invoice=order.invoice, refund=refund, at=at)
        order.amount_refunded -= refund.amount
    _record_failure(order, refund, at=at)


def _refused(order: Order, refund: Refund, act: OrderAct | None, *, at: datetime) -> None:
    _record_failure(order, refund, at=at)
    if act:
        completion.close_act(act, OrderAct.Outcome.FAILED, at=at, message=refund.failure_message)


def _record_failure(order: Order, refund: Refund, *, at: datetime) -> None:
    why = {"code": refund.failure_code, "message": refund.failure_message}
    record(order, "refund_failed", by=STRIPE, at=at, amount=refund.amount, currency=refund.currency, **why)


# Disputes


def _finish_dispute(order: Order, answer: DisputeResult, *, at: datetime) -> None:
    payment, changed = payments.apply_dispute_result(result=answer, at=at)
    if changed:
        kind = "disputed" if answer.status is Payment.Dispute.OPEN else f"dispute_{answer.status}"
        record(order, kind, by=STRIPE, at=at, amount=payment.amount, currency=payment.currency, reason=answer.reason)
        _stand(order, open_act(order))
