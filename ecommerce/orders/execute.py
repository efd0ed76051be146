"""Execute payments and refunds at Stripe, outside any transaction, and apply what Stripe says at once."""

import logging
from datetime import datetime

from django.db.models.functions import Now

from backoffice import leases, logs
from billing import gateway, settlement, stripe_state
from billing.models import Payment, Refund
from billing.results import StripeResult
from ecommerce.models import Order, OrderAct
from ecommerce.orders.apply_results import apply_results

logger = logging.getLogger(__name__)


def execute_order_payment(*, order_id: int, at: datetime) -> Order:
    """Make one attempt at the payment that the order waits for, if any, and return the order as it is then."""
    act = OrderAct.objects.filter(order=order_id, closed_at=None, kind=OrderAct.Kind.PAY).first()
    if act:
        execute_act(act=act, at=at)
    return _order(order_id)


def execute_act(*, act: OrderAct, at: datetime) -> None:
    """Make one attempt at the payment or refund of an act; outside any transaction."""
    if act.payment_id:
        execute_payment(payment_id=act.payment_id, at=at)
    elif act.refund_id:
        execute_refund(refund_id=act.refund_id, at=at)


def execute_payment(*, payment_id: int, at: datetime) -> None:
    """Make one attempt at a payment, unless another process has its lease."""
    with logs.bound(payment_id=payment_id):
        try:
            result = settlement.execute_payment(payment_id=payment_id)
        except gateway.Misconfigured:
            # Our fault, not the order's: nothing fails, and the payment goes through once the key is right.
            logger.exception("Stripe refuses our key; payment %s stays open and is tried again.", payment_id)
        else:
            _apply(result, at=at)


def execute_refund(*, refund_id: int, at: datetime) -> None:
    """Make one attempt at a refund, unless another process has its lease; outside any transaction."""
    with logs.bound(refund_id=refund_id):
        try:
            result = settlement.execute_refund(refund_id=refund_id)
        except gateway.Misconfigured:
            logger.exception("Stripe refuses our key; refund %s stays open and is tried again.", refund_id)
        else:
            _apply(result, at=at)


def check_authentication(*, payment: Payment, at: datetime) -> None:
    """Fetch how an authentication ended, ending it where that was requested.

    Nothing is sent that could charge, so it needs no lease and need not wait for one.
    """
    try:
        result = settlement.fetch_payment_result(payment)
    except gateway.Unavailable as error:
        logger.warning("Payment %s is checked later: %s", payment, error)
    else:
        _apply(result, at=at)


def check_dispute(*, dispute_id: str, at: datetime) -> None:
    """Fetch the state of a dispute."""
    try:
        results = stripe_state.fetch_dispute(dispute_id)
    except gateway.GatewayError as error:
        logger.warning("Dispute %s is checked later: %s", dispute_id, error)
    else:
        apply_results(results=results, at=at)


def check_review(*, review_id: str, at: datetime) -> None:
    """Fetch the state of a review of Stripe Radar."""
    try:
        results = stripe_state.fetch_review(review_id)
    except gateway.GatewayError as error:
        logger.warning("Review %s is checked later: %s", review_id, error)
    else:
        apply_results(results=results, at=at)


def check_stripe_now(*, order_id: int, at: datetime) -> Order:
    """Attempt each open payment and refund of an order now instead of when it is next due."""
    number = Order.objects.only("number").get(pk=order_id).number
    payments = Payment.objects.filter(invoice__reference=number, closed_at=None)
    refunds = Refund.objects.filter(payment__invoice__reference=number, closed_at=None)
    leases.wake(payments)
    leases.wake(refunds)
    # Those that were pending for so long that nothing asks by itself any more have no next attempt.
    refunds.filter(next_attempt_at=None, status=Refund.Status.PENDING).update(next_attempt_at=Now())
    for dispute_id in Payment.objects.filter(invoice__reference=number, dispute=Payment.Dispute.OPEN).values_list(
        "stripe_dispute_id", flat=True
    ):
        check_dispute(dispute_id=dispute_id, at=at)
    reviewed = Payment.objects.filter(invoice__reference=number, review=Payment.Review.OPEN)
    for review_id in reviewed.values_list("stripe_review_id", flat=True):
        check_review(review_id=review_id, at=at)
    for payment_id in payments.values_list("pk", flat=True):
        execute_payment(payment_id=payment_id, at=at)
    for refund_id in refunds.values_list("pk", flat=True):
        execute_refund(refund_id=refund_id, at=at)
    return _order(order_id)


def _apply(result: StripeResult | None, *, at: datetime) -> None:
    # None: another process has the lease, or Stripe gave no result yet; the sweep tries again.
    if result:
        apply_results(results=[result], at=at)


def _order(order_id: int) -> Order:
    return Order.objects.select_related("customer", "invoice").get(pk=order_id)
