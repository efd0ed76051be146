"""Many paid orders, quickly: written by COPY, each with a payment that the fake Stripe knows."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from unittest.mock import patch

import stripe
from django.conf import settings
from django.db import connection
from django.utils import timezone

from ecommerce.management.benchmark_data import orders as benchmark_orders
from ecommerce.models import Order

THREADS = 8


def sell(count: int, *, status: str = "paid") -> None:
    """Write orders of one status, whose payments are in the fake Stripe's ledger."""
    # None of them partly sent: such an order is not canceled as a whole.
    with patch.multiple(benchmark_orders, STATUS_MIX=[status], PARTLY_SENT=0):
        list(benchmark_orders.OrderGenerator(count=count, seed=1, now=timezone.now()).write())
    pay_for(Order.objects.order_by("pk").values_list("invoice__payments__id", "total", "currency"))


def pay_for(payments: Iterable[tuple[int, int, str]]) -> None:
    """Charge a card for each of these payments, and store its intent."""
    client = stripe.StripeClient(settings.STRIPE_SECRET_KEY, base_addresses={"api": settings.STRIPE_API_BASE})

    def charge(payment: tuple[int, int, str]) -> tuple[int, str]:
        key, amount, currency = payment
        terms: Any = {"amount": amount, "currency": currency, "confirm": True, "payment_method": "pm_card_visa"}
        terms |= {"allowed_payment_method_types": ["card"], "metadata": {"payment": str(key)}}
        return key, client.v1.payment_intents.create(terms).id

    with ThreadPoolExecutor(THREADS) as pool:
        intents = list(pool.map(charge, payments))
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE billing_payment p SET stripe_payment_intent_id = m.intent,"
            " params = jsonb_build_object('payment_intent', m.intent)"
            " FROM unnest(%s::bigint[], %s::text[]) AS m(id, intent) WHERE p.id = m.id",
            [[key for key, _intent in intents], [intent for _key, intent in intents]],
        )
