from collections import Counter
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db.models import Count, F, Sum

from billing.models import CreditNote, Invoice, Payment, Refund
from customers.models import Customer
from ecommerce.models import Order, OrderItem, OrderWords, Return
from tests.support.books import differences

pytestmark = pytest.mark.django_db


def books() -> dict[str, Any]:
    """Write the ledger as Stripe would have it, had it been called."""
    return {
        "payment_intents": [
            {"id": each.stripe_payment_intent_id, "amount": each.amount, "status": "succeeded"}
            for each in Payment.objects.all()
        ],
        "refunds": [
            {
                "id": each.stripe_refund_id,
                "amount": each.amount,
                "status": "succeeded",
                "payment_intent": each.payment.stripe_payment_intent_id,
            }
            for each in Refund.objects.select_related("payment")
        ],
    }


@pytest.mark.django_db(transaction=True)
def test_orders_come_with_all_that_belongs_to_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ecommerce.management.benchmark_data.orders.BATCH", 150)
    call_command("generate_orders", "400", stdout=StringIO())

    assert Order.objects.count() == 400
    assert 100 <= Customer.objects.count() <= 105
    assert differences(books()) == []
    mix = Counter(Order.objects.values_list("status", flat=True))
    assert set(mix) == {"created", "paid", "fulfilled", "canceled", "returned"}
    assert abs(mix["fulfilled"] - 200) < 50
    assert abs(mix["paid"] - 140) < 50
    assert OrderWords.objects.count() == 400
    # As after a charge or refund that has come to its end: a worker has nothing to do.
    assert not any(model.objects.filter(next_attempt_at__isnull=False).exists() for model in (Payment, Refund))
    for order in Order.objects.all()[:20]:
        assert sum(item.amount + item.tax for item in order.items.all()) == order.total - (
            order.shipping + order.shipping_tax
        )
        assert order.invoice is None or order.invoice.reference == order.number
    assert 0 < Order.objects.filter(tax__gt=0, shipping__gt=0).count() < 150
    numbers = list(Invoice.objects.order_by("pk").values_list("number", flat=True))
    assert numbers == [f"INV-{number:06}" for number in range(1, len(numbers) + 1)]
    assert CreditNote.objects.count() == mix["canceled"] + mix["returned"]
    partly = Order.objects.filter(fulfillment_state="partial")
    assert 0 < partly.count() < 25
    for order in (*partly, *Order.objects.fulfilled()[:20]):
        units = order.items.aggregate(sent=Sum("fulfilled"), all=Sum("quantity"))
        assert 0 < units["sent"] < units["all"] if order.fulfillment_state else units["sent"] == units["all"]
    assert Return.objects.filter(status="closed").count() == mix["returned"]
    assert not OrderItem.objects.filter(order__status="returned").exclude(returned=F("quantity")).exists()
    assert not OrderItem.objects.filter(order__status="canceled").exclude(canceled=F("quantity")).exists()
    assert Order.objects.annotate(parcels=Count("fulfillments")).filter(parcels=2).exists()


@pytest.mark.django_db(transaction=True)
def test_the_same_seed_gives_the_same_orders_and_a_second_run_adds_more() -> None:
    sums = []
    for _run in range(2):
        before = Order.objects.aggregate(sum=Sum("total", default=0))["sum"]
        call_command("generate_orders", "60", "--seed", "7", stdout=StringIO())
        sums.append(Order.objects.aggregate(sum=Sum("total"))["sum"] - before)
    assert sums[0] == sums[1] > 0
    call_command("generate_orders", "60", "--seed", "8", stdout=StringIO())
    assert Order.objects.count() == 180
    assert differences(books()) == []


def test_a_live_key_is_refused(settings: Any) -> None:
    settings.STRIPE_SECRET_KEY = "sk_live_1"
    with pytest.raises(CommandError, match="live key"):
        call_command("generate_orders", "1")
    settings.STRIPE_SECRET_KEY = "sk_test_1"
    with pytest.raises(CommandError, match="for example 10000"):
        call_command("generate_orders", "0")
    assert not Order.objects.exists()
