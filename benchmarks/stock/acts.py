"""Mass actions as a loop of transitions."""

from collections.abc import Iterable

import stripe
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from billing.models import Payment
from customers.models import User
from ecommerce.models import Fulfillment, Order, OrderEvent


def fulfill(orders: Iterable[Order], user: User) -> int:
    """Return how many."""
    done = 0
    with transaction.atomic():
        for order in orders:
            by = {"by_kind": "staff", "by_label": str(user), "by_user": user}
            order.fulfill(at=timezone.now())
            order.save()
            Fulfillment.objects.create(order=order, at=timezone.now(), **by)
            OrderEvent.objects.create(order=order, kind="fulfilled", at=timezone.now(), **by)
            done += 1
    return done


def cancel(orders: Iterable[Order], user: User) -> int:
    """Cancel paid orders and refund them; return how many."""
    client = stripe.StripeClient(settings.STRIPE_SECRET_KEY, base_addresses={"api": settings.STRIPE_API_BASE})
    done = 0
    for order in orders:
        payment = Payment.objects.get(invoice=order.invoice, status="succeeded")
        client.v1.refunds.create({"payment_intent": payment.stripe_payment_intent_id or ""})
        order.cancel(at=timezone.now())
        order.save()
        OrderEvent.objects.create(
            order=order, kind="canceled", at=timezone.now(), by_kind="staff", by_label=str(user), by_user=user
        )
        done += 1
    return done
