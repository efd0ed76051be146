"""Finishing: what Stripe answered becomes true here, once, wherever it was heard. Called outside any transaction."""

import logging
from collections.abc import Sequence
from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from billing import invoices, payments
from billing.answers import Answer, PaymentAnswer, RefundAnswer
from billing.models import Invoice, Payment, Refund
from customers.actors import STRIPE, SYSTEM
from ecommerce.models import Order, OrderAct
from ecommerce.orders import closing, holding
from ecommerce.orders.history import record
from ecommerce.orders.paying import become_paid
from ecommerce.orders.questions import open_act
from ecommerce.orders.refusals import OrderRefused

logger = logging.getLogger(__name__)
State = Order.MoneyState


def finish(*, answers: Sequence[Answer], at: datetime) -> None:
    """Finish all of them in one transaction; where one breaks it, one by one, so that it breaks alone."""
    try:
        _finish_together(answers, at=at)
    except Exception:
        if len(answers) == 1:
            raise
        logger.exception("Finishing %d answers failed; finishing them one by one.", len(answers))
        for answer in answers:
            _finish_alone(answer, at=at)


def _finish_alone(answer: Answer, *, at: datetime) -> None:
    try:
        _finish_together([answer], at=at)
    except Exception:
        # The wish stays open and due: the sweep asks Stripe again, and finishes it or fails as loudly.
        logger.exception("Finishing %r failed.", answer)


def _finish_together(answers: Sequence[Answer], *, at: datetime) -> None:
    with transaction.atomic():
        by_payment = dict(
            Payment.objects.filter(pk__in={answer.payment_id for answer in answers}).values_list("pk", "invoice__order")
        )
        orders = Order.objects.locked().filter(pk__in=by_payment.values()).select_related("customer")
        locked = {order.pk: order for order in orders}
        invoiced = [order.invoice_id for order in locked.values() if order.invoice_id]
        known = {invoice.pk: invoice for invoice in Invoice.objects.locked().filter(pk__in=invoiced)}
        for answer in answers:
            order = locked[by_payment[answer.payment_id]]
            order.invoice = known[order.invoice_id] if order.invoice_id else None
            if isinstance(answer, PaymentAnswer):
                _finish_payment(order, answer, at=at)
            else:
                _finish_refund(order, answer, at=at)


# Payments


def _finish_payment(order: Order, answer: PaymentAnswer, *, at: datetime) -> None:
    if answer.status is Payment.Status.PROCESSING:
        _leave_to_people(order, Payment.objects.filter(pk=answer.payment_id, closed_at=None), answer.message)
        return
    closed = payments.close_payment(answer=answer, at=at)
    if closed.won:
        finish_as = {
            Payment.Status.SUCCEEDED: _paid,
            Payment.Status.FAILED: _declined,
            Payment.Status.REQUIRES_ACTION: _must_authenticate,
        }
        finish_as[answer.status](order, closed.payment, at=at)
    elif closed.before == Payment.Status.FAILED and answer.status is Payment.Status.SUCCEEDED:
        _succeeded_late(order, closed.payment, answer, at=at)


def _leave_to_people(order: Order, wish: QuerySet[Payment] | QuerySet[Refund], why: str) -> None:
    if wish.update(attention=why, due=None):
        order.attention = why
        order.save()


def _paid(order: Order, payment: Payment, *, at: datetime) -> None:
    become_paid(order, by=STRIPE, at=at, card=str(payment.card or ""), payment=str(payment))
    order.save()
    _close_pay(order, OrderAct.Outcome.DONE, at=at)


def _declined(order: Order, payment: Payment, *, at: datetime) -> None:
    holding.release(order)
    order.money_state = State.PAYMENT_FAILED
    order.attention = ""
    order.save()
    why = {"code": payment.failure_code, "decline_code": payment.decline_code, "message": payment.failure_message}
    record(order, "payment_failed", by=STRIPE, at=at, amount=payment.amount, currency=payment.currency, **why)
    _close_pay(order, OrderAct.Outcome.FAILED, at=at, message=payment.failure_message)


def _must_authenticate(order: Order, payment: Payment, *, at: datetime) -> None:
    order.money_state = State.AUTHENTICATION_REQUIRED
    order.save()
    record(order, "authentication_required", by=STRIPE, at=at, amount=payment.amount, currency=payment.currency)


def _close_pay(order: Order, outcome: OrderAct.Outcome, *, at: datetime, message: str = "") -> None:
    act = open_act(order)
    if act and act.kind == OrderAct.Kind.PAY:
        closing.close(act, outcome, at=at, message=message)


def _succeeded_late(order: Order, payment: Payment, answer: PaymentAnswer, *, at: datetime) -> None:
    """A payment that was given up took the money after all: adopt it if the order still wants it, else send it back."""
    if _still_wanted(order, at=at):
        payments.adopt_late_success(payment=payment, answer=answer, at=at)
        record(order, "payment_adopted", by=STRIPE, at=at, payment=answer.intent_id)
        _paid(order, payment, at=at)
    elif payment.refundable:
        Payment.objects.filter(pk=payment.pk, stripe_payment_intent_id=None).update(
            stripe_payment_intent_id=answer.intent_id
        )
        payment.refresh_from_db()
        reason = _("The payment succeeded after it had been given up.")
        payments.begin_refund(payment=payment, amount=payment.refundable, reason=reason, by=SYSTEM, at=at)
        order.attention = reason
        order.save()
        record(order, "auto_refund", by=SYSTEM, at=at, amount=payment.amount, currency=payment.currency, reason=reason)


def _still_wanted(order: Order, *, at: datetime) -> bool:
    if order.status != Order.Status.CREATED or open_act(order):
        return False
    try:
        with transaction.atomic():
            holding.take_again(order, at=at)
    except OrderRefused:
        return False
    return True


# Refunds


def _finish_refund(order: Order, answer: RefundAnswer, *, at: datetime) -> None:
    if answer.status is Refund.Status.REQUESTED:
        _leave_to_people(order, Refund.objects.filter(pk=answer.refund_id or 0, closed_at=None), answer.message)
        return
    closed = payments.close_refund(answer=answer, at=at)
    if not closed.won:
        return
    refund, said_yes = closed.refund, {Refund.Status.PENDING, Refund.Status.SUCCEEDED}
    if refund.payment.status != Payment.Status.SUCCEEDED:
        _sent_back_late(order, refund, at=at)
    elif refund.status in said_yes and closed.before in said_yes:
        _arrived(order, refund, at=at)
    elif refund.status in said_yes:
        _refunded(order, refund, at=at)
    elif closed.before in said_yes:
        _taken_back(order, refund, at=at)
    else:
        _refused(order, refund, at=at)


def _sent_back_late(order: Order, refund: Refund, *, at: datetime) -> None:
    """The money of a payment that was given up went back, or did not: the order itself is untouched."""
    failed = refund.status == Refund.Status.FAILED
    order.attention = refund.failure_message if failed else ""
    order.save()
    kind = "refund_failed" if failed else "refunded"
    record(order, kind, by=STRIPE, at=at, amount=refund.amount, currency=refund.currency, refund=str(refund))


def _refunded(order: Order, refund: Refund, *, at: datetime) -> None:
    if order.invoice is None:
        raise RuntimeError(f"Order {order.number} was refunded and has no invoice.")
    invoices.credit(invoice=order.invoice, refund=refund, at=at)
    order.amount_refunded += refund.amount
    pending = refund.status == Refund.Status.PENDING
    order.money_state = State.REFUND_PENDING if pending else ""
    order.attention = ""
    kind = "refund_pending" if pending else "refunded"
    record(order, kind, by=refund.by, at=at, amount=refund.amount, currency=refund.currency, refund=str(refund))
    act = open_act(order)
    if act and act.refund_id == refund.pk:
        closing.carry_out(order, act, at=at)
        closing.close(act, OrderAct.Outcome.DONE, at=at)
    elif act:
        order.money_state = State.REFUND_IN_PROGRESS
    order.save()


def _arrived(order: Order, refund: Refund, *, at: datetime) -> None:
    if order.money_state == State.REFUND_PENDING:
        order.money_state = ""
        order.save()
    record(order, "refund_succeeded", by=STRIPE, at=at, amount=refund.amount, currency=refund.currency)


def _taken_back(order: Order, refund: Refund, *, at: datetime) -> None:
    """A refund that was said yes to failed after all: nothing is reopened by itself, people are told."""
    if order.invoice:
        invoices.void_credit(invoice=order.invoice, refund=refund, at=at)
    order.amount_refunded -= refund.amount
    _tell_of_failure(order, refund, at=at)


def _refused(order: Order, refund: Refund, *, at: datetime) -> None:
    _tell_of_failure(order, refund, at=at)
    act = open_act(order)
    if act and act.refund_id == refund.pk:
        closing.close(act, OrderAct.Outcome.FAILED, at=at, message=refund.failure_message)


def _tell_of_failure(order: Order, refund: Refund, *, at: datetime) -> None:
    order.money_state = State.REFUND_FAILED
    order.attention = refund.failure_message or _("A refund failed.")
    order.save()
    why = {"code": refund.failure_code, "message": refund.failure_message}
    record(order, "refund_failed", by=STRIPE, at=at, amount=refund.amount, currency=refund.currency, **why)
