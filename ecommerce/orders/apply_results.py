"""Apply what Stripe said: payments, refunds and disputes become true here, once, wherever the results came from."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from backoffice import logs
from billing import disputes, invoices, payments, refunds, tax_transactions
from billing.models import Invoice, Payment, Refund
from billing.results import DisputeResult, PaymentResult, RefundResult, ReviewResult, StripeResult
from customers.actors import STRIPE, SYSTEM
from ecommerce.mails import acts as mails
from ecommerce.models import Order, OrderAct, OrderEvent
from ecommerce.orders import allocations, completion, stock
from ecommerce.orders.apply_results_bulk import apply_full_refunds
from ecommerce.orders.errors import OrderError
from ecommerce.orders.history import record
from ecommerce.orders.payment_status import refresh
from ecommerce.orders.reviews import apply_review
from ecommerce.orders.selectors import open_act, order_ids_of_payments

logger = logging.getLogger(__name__)
Event = OrderEvent.Kind
# Stripe has taken a pending refund; that the bank may still fail it days later is a result of its own.
ACCEPTED = {Refund.Status.PENDING, Refund.Status.SUCCEEDED}


def apply_results(*, results: Sequence[StripeResult], at: datetime) -> None:
    """Apply results in one transaction or, where one fails, each in its own. Call it outside any transaction.

    Applying a result a second time changes nothing. Raise what a single result raises.
    """
    try:
        _apply_together(results, at=at)
    except Exception:
        if len(results) == 1:
            raise
        logger.exception("Applying %d results failed; they are applied one by one.", len(results))
        for result in results:
            _apply_alone(result, at=at)


def _apply_alone(result: StripeResult, *, at: datetime) -> None:
    try:
        _apply_together([result], at=at)
    except Exception:
        # The operation stays open: the sweep asks Stripe again, and applies the result or fails as loudly.
        logger.exception("Applying %r failed.", result)


def _apply_together(results: Sequence[StripeResult], *, at: datetime) -> None:
    with transaction.atomic():
        payment_ids = {result.payment_id for result in results}
        order_of = order_ids_of_payments(payment_ids)
        # Orders before everything else, as in every transaction: docs/money.md has the lock order.
        locked = Order.objects.locked().filter(pk__in=order_of.values()).select_related("customer")
        orders = {order.pk: order for order in locked}
        _lock_invoices(list(orders.values()))
        if len(orders) > 1:
            # Locked one order at a time, SKUs would be locked in the orders' order, and two batches could deadlock.
            stock.lock_for_orders(list(orders))
        for result in apply_full_refunds(list(orders.values()), results, at=at):
            with logs.bound(payment_id=result.payment_id):
                _apply_one(orders[order_of[result.payment_id]], result, at=at)
        _log(orders, order_of, results)


def _log(orders: Mapping[int, Order], order_of: Mapping[int, int], results: Sequence[StripeResult]) -> None:
    """Name each order of which Stripe said something, be it news or not: what it changed has lines of its own."""
    numbers = [orders[order_of[result.payment_id]].number for result in results]
    refund_ids = [getattr(result, "refund_id", None) or 0 for result in results]
    ids = {
        "payment_ids": [result.payment_id for result in results],
        **({"refund_ids": refund_ids} if any(refund_ids) else {}),
    }
    logs.info_of_orders(logger, "Results of Stripe applied", numbers, **ids)


def _lock_invoices(orders: Sequence[Order]) -> None:
    invoice_ids = [order.invoice_id for order in orders if order.invoice_id]
    locked = {invoice.pk: invoice for invoice in Invoice.objects.locked().filter(pk__in=invoice_ids)}
    for order in orders:
        order.invoice = locked[order.invoice_id] if order.invoice_id else None


def _apply_one(order: Order, result: StripeResult, *, at: datetime) -> None:
    match result:
        case PaymentResult():
            _apply_payment_result(order, result, at=at)
        case RefundResult():
            _apply_refund_result(order, result, at=at)
        case DisputeResult():
            _apply_dispute_result(order, result, at=at)
        case ReviewResult():
            apply_review(order, result, at=at)
        case _:
            refresh(order, open_act(order))


# Payments


def _apply_payment_result(order: Order, result: PaymentResult, *, at: datetime) -> None:
    if result.status is Payment.Status.PROCESSING:
        # Stripe does not know it and it is too late to send it: only a user may decide to send it again.
        unsent = Payment.objects.filter(pk=result.payment_id, closed_at=None)
        if unsent.update(attention=result.message, next_attempt_at=None):
            refresh(order, open_act(order))
        return
    change = payments.apply_payment_result(result=result, at=at)
    # Whoever comes second with the same result reads the row and changes nothing.
    if change.won:
        apply = {
            Payment.Status.SUCCEEDED: _payment_succeeded,
            Payment.Status.FAILED: _payment_failed,
            Payment.Status.REQUIRES_ACTION: _payment_requires_action,
        }
        apply[result.status](order, change.payment, at=at)
        if result.review_id:
            # On hold at once: the event of its review may be late.
            opened = ReviewResult(payment_id=change.payment.pk, stripe_id=result.review_id, is_open=True, reason="rule")
            apply_review(order, opened, at=at)
    elif change.before == Payment.Status.FAILED and result.status is Payment.Status.SUCCEEDED:
        # Closed as failed here, and then Stripe took the money after all: pay the order with it, or refund it.
        _payment_succeeded_late(order, change.payment, result, at=at)


def _payment_succeeded(order: Order, payment: Payment, *, at: datetime) -> None:
    completion.mark_paid(order, payment, by=STRIPE, at=at, card=str(payment.card or ""))
    _close_pay_act(order, OrderAct.Outcome.DONE, at=at)
    refresh(order, None)


def _payment_failed(order: Order, payment: Payment, *, at: datetime) -> None:
    # Others may buy it while the customer looks for another card.
    stock.release(order)
    why = {"code": payment.failure_code, "decline_code": payment.decline_code, "message": payment.failure_message}
    record(order, Event.PAYMENT_FAILED, by=STRIPE, at=at, amount=payment.amount, currency=payment.currency, **why)
    mails.payment_failed(order, payment)
    _close_pay_act(order, OrderAct.Outcome.FAILED, at=at, message=payment.failure_message)
    refresh(order, None)


def _payment_requires_action(order: Order, payment: Payment, *, at: datetime) -> None:
    data = {"amount": payment.amount, "currency": payment.currency}
    record(order, Event.AUTHENTICATION_REQUIRED, by=STRIPE, at=at, **data)
    mails.authentication_required(order, payment)
    refresh(order, open_act(order))


def _close_pay_act(order: Order, outcome: OrderAct.Outcome, *, at: datetime, message: str = "") -> None:
    # None for a late success: its act was closed when the payment was given up.
    acts = OrderAct.objects.filter(order=order, kind=OrderAct.Kind.PAY, closed_at=None).only("kind")
    completion.close_acts(list(acts), outcome, at=at, message=message)


def _payment_succeeded_late(order: Order, payment: Payment, result: PaymentResult, *, at: datetime) -> None:
    if payment.refund_set.exists():
        return  # already refunded, or that refund failed and users were told
    if _pays_the_order(order, payment) and _can_still_be_paid(order, at=at):
        payments.adopt_late_success(payment=payment, result=result, at=at)
        record(order, Event.PAYMENT_ADOPTED, by=STRIPE, at=at, payment=result.intent_id)
        _payment_succeeded(order, payment, at=at)
        return
    # The refund names the intent, whose id a payment that was given up may never have received.
    unnamed = Payment.objects.filter(pk=payment.pk, stripe_payment_intent_id=None)
    unnamed.update(stripe_payment_intent_id=result.intent_id, stripe_charge_id=result.charge_id)
    payment.refresh_from_db()
    reason = _("The payment succeeded after it had been given up.")
    refunds.create_refund(payment=payment, amount=payment.amount, reason=reason, by=SYSTEM, at=at)
    data = {"amount": payment.amount, "currency": payment.currency, "reason": reason}
    record(order, Event.AUTO_REFUND, by=SYSTEM, at=at, **data)
    refresh(order, open_act(order))


def _pays_the_order(order: Order, payment: Payment) -> bool:
    # After its price had changed, the order got another invoice.
    return payment.invoice_id == order.invoice_id and payment.amount == order.total


def _can_still_be_paid(order: Order, *, at: datetime) -> bool:
    if order.status != Order.Status.CREATED or open_act(order):
        return False
    try:
        # A savepoint, so that stock that was reserved before a coupon was refused is released again.
        with transaction.atomic():
            stock.reserve_again(order, at=at)
    except OrderError:
        return False
    return True


# Refunds


def _apply_refund_result(order: Order, result: RefundResult, *, at: datetime) -> None:
    if result.status is Refund.Status.REQUESTED:
        # As for payments: whether to send it again is for a user to say.
        unsent = Refund.objects.filter(pk=result.refund_id or 0, closed_at=None)
        if unsent.update(attention=result.message, next_attempt_at=None):
            act = open_act(order)
            refresh(order, act)
            # Last, since job items are last in the lock order.
            completion.explain_waiting(act, result.message)
        return
    if result.others and _take_refunds_made_at_stripe(order, result, at=at):
        return
    change = refunds.apply_refund_result(result=result, at=at)
    if not change.won:
        if change.refund.status == Refund.Status.PENDING and change.refund.attention:
            refresh(order, open_act(order))  # it has been pending for too long
        return
    open_one = open_act(order)
    # Automatic refunds and those from Stripe's dashboard have no act.
    act = open_one if open_one and open_one.refund_id == change.refund.pk else None
    is_accepted, was_accepted = change.refund.status in ACCEPTED, change.before in ACCEPTED
    if is_accepted and was_accepted:
        data = {"amount": change.refund.amount, "currency": change.refund.currency}
        record(order, Event.REFUND_SUCCEEDED, by=STRIPE, at=at, **data)
    elif is_accepted:
        if completion.refunds_the_order(change.refund):
            allocations.ensure_allocated(change.refund)
        completion.refund_event(order, change.refund, at=at).save()
        completion.complete_refund(order, change.refund, act, at=at)
    else:
        _refund_failed(order, change, act, at=at)
    refresh(order, None if act else open_one)


def _take_refunds_made_at_stripe(order: Order, result: RefundResult, *, at: datetime) -> bool:
    """Record the refunds made in Stripe's dashboard that kept Stripe from making ours; False if there are none.

    A cancellation or return takes what is there as done, and sends what is left. Another refund has failed.
    """
    known = set(Refund.objects.filter(stripe_refund_id__in=[each.id for each in result.others]).values_list(
        "stripe_refund_id", flat=True))  # fmt: skip
    new = [each for each in result.others if each.id not in known and each.status not in {"failed", "canceled"}]
    refund = Refund.objects.locked().filter(pk=result.refund_id or 0, status=Refund.Status.REQUESTED).first()
    # A refund of the very amount that has no row yet is adopted as ours.
    adopted = result.status is not Refund.Status.FAILED and result.stripe_id not in known
    if refund is None or not new or adopted:
        return False
    act = open_act(order)
    whole = act is not None and act.refund_id == refund.pk and act.is_whole
    left = refunds.reduce_refund(refund=refund, by=sum(each.amount for each in new), at=at) if whole else 0
    if left:
        allocations.free(refund)
    if not whole:
        # Ours first, which leaves the room for theirs.
        _apply_refund_result(order, replace(result, others=()), at=at)
    for each in new:
        theirs = RefundResult.from_stripe(each, refund=None, payment_id=result.payment_id)
        _apply_refund_result(order, theirs, at=at)
    if left:
        # Ours is of all that theirs have left, with the units: they are amounts alone.
        allocations.allocate_all_left([refund])
    if act and whole and not left:
        completion.complete_act(order, act, at=at)
        mails.act_completed(act)
        completion.close_acts([act], OrderAct.Outcome.DONE, at=at)
        refresh(order, None)
    return True


def _refund_failed(order: Order, change: refunds.RefundChange, act: OrderAct | None, *, at: datetime) -> None:
    refund = change.refund
    if change.before in ACCEPTED:
        # Days after Stripe accepted it: nothing is reopened by itself, users decide what to do.
        if order.invoice and completion.refunds_the_order(refund):
            invoices.void_credit_note(invoice=order.invoice, refund=refund, at=at)
            order.amount_refunded -= refund.amount
            order.fees_kept -= refund.fees
            if order.tax_calculation_id:
                tax_transactions.request_undo(refund=refund, at=at)
    elif act:
        completion.close_acts([act], OrderAct.Outcome.FAILED, at=at, message=refund.failure_message)
    why = {"code": refund.failure_code, "message": refund.failure_message, "refund_id": refund.pk}
    record(order, Event.REFUND_FAILED, by=STRIPE, at=at, amount=refund.amount, currency=refund.currency, **why)


# Disputes

DISPUTE_EVENTS = {
    Payment.Dispute.OPEN: Event.DISPUTED,
    Payment.Dispute.WON: Event.DISPUTE_WON,
    Payment.Dispute.LOST: Event.DISPUTE_LOST,
}


def _apply_dispute_result(order: Order, result: DisputeResult, *, at: datetime) -> None:
    payment, changed = disputes.apply_dispute_result(result=result, at=at)
    if changed:
        data = {
            "amount": payment.amount,
            "currency": payment.currency,
            "reason": result.reason,
            "payment_id": payment.pk,
        }
        record(order, DISPUTE_EVENTS[result.status], by=STRIPE, at=at, **data)
        refresh(order, open_act(order))
