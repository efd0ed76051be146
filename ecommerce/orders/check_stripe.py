"""Asking Stripe now, rather than when it is next due, how what an order waits for has ended."""

from datetime import datetime

from django.db.models import Q

from billing.leases import LEASE
from billing.models import Payment, Refund
from ecommerce.models import Order
from ecommerce.orders.execute import settle_payment, settle_refund

WAITING = frozenset(
    {
        Order.MoneyState.PAYMENT_PROCESSING,
        Order.MoneyState.AUTHENTICATION_REQUIRED,
        Order.MoneyState.REFUND_IN_PROGRESS,
        Order.MoneyState.REFUND_PENDING,
    }
)


def check_stripe_now(*, order_id: int, at: datetime) -> Order:
    """Ask once about each charge and refund of an order that has no end yet, and give the order as it then is."""
    # A lease ends within LEASE: what is due later is nobody's, and may be asked about before its time.
    nobodys = Q(next_attempt_at__gt=at + LEASE)
    payments = Payment.objects.filter(invoice__order=order_id, closed_at=None)
    refunds = Refund.objects.filter(payment__invoice__order=order_id, closed_at=None)
    payments.filter(nobodys).update(next_attempt_at=at)
    refunds.filter(nobodys).update(next_attempt_at=at)
    for payment_id in payments.values_list("pk", flat=True):
        settle_payment(payment_id=payment_id, at=at)
    for refund_id in refunds.values_list("pk", flat=True):
        settle_refund(refund_id=refund_id, at=at)
    return Order.objects.select_related("customer", "invoice").get(pk=order_id)
