"""One order while something is down: calm on screen, locked, and right within 75 seconds of its return."""

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
import redis
from django.conf import settings
from django.test import Client
from django.utils import timezone

from backoffice.enqueue import enqueue_on_commit
from billing.models import Payment
from billing.tasks import process_event
from ecommerce.models import Order, OrderAct
from ecommerce.orders.cancel import cancel
from ecommerce.orders.errors import OrderError
from ecommerce.orders.fulfill import fulfill
from ecommerce.orders.selectors import open_act
from ecommerce.tasks import execute_act
from tests.faults.conftest import House
from tests.faults.website import Website, lost, make_ada
from tests.support.admin import LIST, signed_in
from tests.support.factories import ANA, make_sku, place_order

pytestmark = pytest.mark.django_db(transaction=True)
Check = Callable[[], None]
WITHIN = 75
STRIPE_DOWN: list[dict[str, Any]] = [
    {"match": "POST /v1", "fault": "drop_before"},
    {"match": "GET /v1", "fault": "drop_before"},
]


def until(order: Order, status: str) -> float:
    """Wait until an order has come to a status by itself; give the seconds it took."""
    begun = time.monotonic()
    while Order.objects.get(pk=order.pk).status != status:
        assert time.monotonic() - begun < WITHIN, f"order {order.number} is not {status} after {WITHIN} s"
        time.sleep(0.5)
    return time.monotonic() - begun


def cancel_and_ring(order: Order) -> Order:
    """Cancel an order as the page does."""
    canceled = cancel(order_id=order.pk, reason="changed their mind", by=ANA, at=timezone.now())
    act = open_act(canceled)
    assert act is not None
    enqueue_on_commit(execute_act, act_id=act.pk)
    return canceled


@pytest.fixture
def browser() -> Client:
    """Give the browser of somebody who may fulfill and cancel."""
    return signed_in("ecommerce.view_order", "ecommerce.fulfill_order", "ecommerce.cancel_order")


def page_of(order: Order, browser: Client, act: str = "change") -> str:
    """Read the order's page, or that of an act, which may lead back to it."""
    return browser.get(f"{LIST}{order.pk}/{act}/", follow=True).content.decode()


def cancel_on_the_page(order: Order, browser: Client) -> str:
    """Press the button, and read what comes then."""
    confirmed = {"confirmed": order.total, "reason": "changed their mind"}
    return browser.post(f"{LIST}{order.pk}/cancel/", confirmed, follow=True).content.decode()


def test_canceling_while_stripe_is_down_is_honest_and_ends_by_itself(
    house: House, balanced: Check, browser: Client, ledger: Callable[[], dict[str, Any]]
) -> None:
    order = place_order()
    house.stack.fake_stripe.faults(*STRIPE_DOWN)
    house.worker()
    house.beat()
    calm = "Stripe has not answered yet. The order changes once it has said yes."
    assert calm in cancel_on_the_page(order, browser)
    time.sleep(5)

    order.refresh_from_db()
    assert (order.status, order.money_state) == ("paid", "refund_in_progress")
    page = page_of(order, browser)
    assert "Refund in progress" in page
    assert calm in page
    assert "o-error" not in page
    assert "Fulfill is not possible" in page_of(order, browser, "fulfill")
    with pytest.raises(OrderError, match="waits for Stripe"):
        fulfill(order_id=order.pk, by=ANA, at=timezone.now())
    assert ledger()["refunds"] == []
    house.stack.fake_stripe.clear()
    until(order, "canceled")
    order.refresh_from_db()
    assert (order.money_state, order.amount_refunded) == ("", 1500)
    assert [(each["amount"], each["status"]) for each in ledger()["refunds"]] == [(1500, "succeeded")]
    assert calm not in page_of(order, browser)
    balanced()


def test_a_refusal_of_stripes_leaves_the_order_paid_and_says_why(
    house: House, balanced: Check, browser: Client
) -> None:
    order = place_order()
    assert order.invoice
    disputed = {"payment_intent": order.invoice.payments.get().stripe_payment_intent_id}
    house.stack.fake_stripe.post("disputes", disputed)
    house.worker()
    cancel_on_the_page(order, browser)
    begun = time.monotonic()
    while OrderAct.objects.filter(closed_at=None).exists():
        assert time.monotonic() - begun < WITHIN
        time.sleep(0.2)

    order.refresh_from_db()
    assert (order.status, order.money_state, order.amount_refunded) == ("paid", "refund_failed", 0)
    page = page_of(order, browser)
    assert "has been charged back" in page
    assert "The money did not reach the customer. Try again, or settle it outside Stripe." in page
    assert order.number in browser.get(f"{LIST}?attention=1").content.decode()


def test_redis_is_gone_when_an_order_is_canceled(house: House, balanced: Check) -> None:
    order = place_order()
    house.stack.redis.kill()
    cancel_and_ring(order)
    house.stack.redis.start()
    house.worker()
    house.beat()
    until(order, "canceled")
    balanced()


@pytest.mark.full
def test_a_storm_of_events_keeps_the_sweep_from_nothing(house: House, balanced: Check) -> None:
    order = place_order()
    cancel(order_id=order.pk, reason="nobody rings for it", by=ANA, at=timezone.now())
    messages = redis.Redis.from_url(settings.REDIS_URL)
    for _ in range(3_000):
        process_event.delay(event_id=0)
    assert messages.llen("events") == 3_000
    house.worker()
    house.beat()
    until(order, "canceled")
    assert messages.llen("events") > 0
    messages.flushall()
    balanced()


@pytest.mark.full
def test_a_worker_killed_while_stripe_works_is_taken_over_by_the_next(
    house: House, balanced: Check, ledger: Callable[[], dict[str, Any]]
) -> None:
    order = place_order()
    house.stack.fake_stripe.faults({"match": "POST /v1/refunds", "fault": "hold"})
    worker = house.worker()
    cancel_and_ring(order)
    while not OrderAct.objects.filter(refund__attempts=1).exists():
        time.sleep(0.1)
    time.sleep(1)
    worker.kill()
    house.stack.fake_stripe.clear()
    house.worker("another")
    house.beat()
    until(order, "canceled")
    assert [each["amount"] for each in ledger()["refunds"]] == [1500]
    balanced()


@pytest.mark.full
def test_the_web_process_is_killed_between_the_phases_of_a_charge(
    house: House, balanced: Check, ledger: Callable[[], dict[str, Any]]
) -> None:
    make_ada()
    sku = make_sku()
    web = house.web()
    website = Website.entered(house.base_url)
    house.stack.fake_stripe.faults({"match": "POST /v1/payment_intents", "fault": "hold"})
    body = {"items": [{"sku_id": sku.pk, "quantity": 1}], "gateway_token": "tok_visa"}
    asking = threading.Thread(target=lost, args=(website, body))
    asking.start()
    while not Payment.objects.filter(attempts=1).exists():
        time.sleep(0.1)
    time.sleep(1)
    web.kill()
    asking.join(30)
    house.stack.fake_stripe.clear()
    house.worker()
    house.beat()
    until(Order.objects.get(), "paid")
    assert [each["status"] for each in ledger()["payment_intents"]] == ["succeeded"]
    balanced()
