"""Each protection, and what happens without it: a test that can't fail proves nothing.

Every scenario runs twice: with the protection both books agree, with it taken out they do not.
"""

import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from pytest_django.fixtures import Settings

from billing import gateway, refunds, settlement
from billing.models import CreditNote, Document, Payment, Refund, WebhookEvent
from billing.models.payment import StripeOperation
from billing.results import RefundResult
from billing.signals import results_received
from devserver.fake_stripe_server import FakeStripeServer
from ecommerce.models.order_queryset import OrderQuerySet
from ecommerce.orders import fulfill
from ecommerce.orders.cancel import cancel
from ecommerce.orders.errors import OrderError
from ecommerce.orders.execute import execute_act
from ecommerce.orders.refund import refund
from ecommerce.orders.refund_quotes import RefundRequest
from ecommerce.orders.selectors import open_act
from ecommerce.tasks import sweep
from tests.support.books import differences
from tests.support.factories import ANA, make_customer, make_sku, place_order
from tests.support.order_acts import at_once
from tests.support.webhook_events import post

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.parametrize("protected", [True, False], ids=["protected", "without"]),
]
Book = Callable[[], dict[str, Any]]


def settle_everything(times: int = 4) -> None:
    for _ in range(times):
        for operations in (Payment.objects, Refund.objects):
            operations.filter(closed_at=None, next_attempt_at__isnull=False).update(next_attempt_at=timezone.now())
        sweep()


def test_the_order_lock(protected: bool, monkeypatch: pytest.MonkeyPatch, ledger: Book) -> None:  # noqa: FBT001
    """Fulfilling and canceling at the same time: one of them is refused."""
    order = place_order()
    asked = threading.Event()
    check = fulfill.check_fulfillable

    def slowly(*args: Any, **options: Any) -> None:
        check(*args, **options)
        asked.set()
        time.sleep(0.5)

    def in_thread(act: Callable[[], Any]) -> None:
        try:
            act()
        except OrderError:
            pass
        finally:
            connection.close()

    monkeypatch.setattr(fulfill, "check_fulfillable", slowly)
    if not protected:
        monkeypatch.setattr(OrderQuerySet, "locked", lambda self: self.order_by("pk"))
    with ThreadPoolExecutor() as pool:
        pool.submit(in_thread, lambda: fulfill.fulfill(order_id=order.pk, by=ANA, at=timezone.now()))
        asked.wait(5)
        pool.submit(in_thread, lambda: cancel(order_id=order.pk, reason="", by=ANA, at=timezone.now()))
    settle_everything(1)
    assert (differences(ledger()) == []) is protected


def test_the_look_up(
    protected: bool,  # noqa: FBT001
    monkeypatch: pytest.MonkeyPatch,
    fake_stripe: FakeStripeServer,
    ledger: Book,
) -> None:
    """Stripe takes the money, says nothing, and then has trouble of its own."""
    make_customer()
    make_sku()
    if not protected:
        monkeypatch.setattr(settlement, "find_intent", lambda _payment: None)
    fake_stripe.faults({"match": "POST /v1/payment_intents", "fault": "drop_after", "times": 1})
    place_order()
    fake_stripe.faults({"match": "POST /v1/payment_intents", "fault": "status", "status": 500, "times": 1})
    settle_everything()
    assert (differences(ledger()) == []) is protected


@pytest.fixture
def impatient(settings: Settings) -> Iterator[None]:
    settings.STRIPE_TIMEOUTS = (1, 0.5)
    gateway.client.cache_clear()
    yield
    gateway.client.cache_clear()


@pytest.mark.usefixtures("impatient")
def test_the_key(
    protected: bool,  # noqa: FBT001
    monkeypatch: pytest.MonkeyPatch,
    fake_stripe: FakeStripeServer,
    ledger: Book,
) -> None:
    """Stripe is so slow that a second request arrives while the first is still being worked on."""
    make_customer()
    make_sku()
    if not protected:
        monkeypatch.setattr(StripeOperation, "idempotency_key", property(lambda _self: str(uuid.uuid4())))
    fake_stripe.faults({"match": "POST /v1/payment_intents", "fault": "hold"})
    place_order()
    settle_everything(1)
    fake_stripe.clear()
    time.sleep(1)
    settle_everything()
    assert (differences(ledger()) == []) is protected


def test_the_trigger(protected: bool, ledger: Book) -> None:  # noqa: FBT001
    """The database itself keeps what was refunded of a payment."""
    order = place_order()
    with connection.cursor() as cursor:
        if not protected:
            cursor.execute("ALTER TABLE billing_refund DISABLE TRIGGER keep_refunds")
        try:
            begun = refund(order_id=order.pk, reason="", request=RefundRequest(amount=500), by=ANA, at=timezone.now())
            execute_act(act=open_act(begun), at=timezone.now())  # type: ignore[arg-type]
            assert (differences(ledger()) == []) is protected
        finally:
            cursor.execute("ALTER TABLE billing_refund ENABLE TRIGGER keep_refunds")


def test_the_conditional_close(protected: bool, monkeypatch: pytest.MonkeyPatch, ledger: Book) -> None:  # noqa: FBT001
    """The same answer is heard from the call, from a webhook and from the sweep."""
    order = refund(order_id=place_order().pk, reason="", request=RefundRequest(amount=500), by=ANA, at=timezone.now())
    act = open_act(order)
    assert act is not None
    (leased,) = settlement.claim_operations(Refund.objects.filter(pk=act.refund_id or 0))
    answer = settlement.submit_refund(leased)
    if not protected:

        def always(*, result: RefundResult, **_: Any) -> refunds.RefundChange:
            rows = Refund.objects.filter(pk=result.refund_id or 0)
            rows.update(
                status=result.status, stripe_refund_id=result.stripe_id, next_attempt_at=None, closed_at=timezone.now()
            )
            Document.objects.filter(credit_note__refund=result.refund_id).delete()
            CreditNote.objects.filter(refund=result.refund_id).delete()
            return refunds.RefundChange(refund=rows.get(), before=Refund.Status.REQUESTED, won=True)

        monkeypatch.setattr(refunds, "apply_refund_result", always)
    for _ in range(3):
        results_received.send(sender=Refund, results=[answer], at=timezone.now())
    assert (differences(ledger()) == []) is protected


def test_the_unique_event(protected: bool) -> None:  # noqa: FBT001
    """Stripe delivers the same event many times at once: it is kept, and worked on, once."""

    def delivered(event: dict[str, Any]) -> None:
        with suppress(WebhookEvent.MultipleObjectsReturned):
            post(event)

    with connection.cursor() as cursor:
        if not protected:
            cursor.execute("ALTER TABLE billing_webhookevent DROP CONSTRAINT billing_webhookevent_stripe_event_id_key")
        try:
            for number in range(5):
                event = {"id": f"evt_{number}", "object": "event", "type": "unknown", "data": {"object": {}}}
                at_once(*[partial(delivered, event)] * 8)
            assert (WebhookEvent.objects.count() == 5) is protected
        finally:
            WebhookEvent.objects.all().delete()
            if not protected:
                cursor.execute(
                    "ALTER TABLE billing_webhookevent"
                    " ADD CONSTRAINT billing_webhookevent_stripe_event_id_key UNIQUE (stripe_event_id)"
                )
