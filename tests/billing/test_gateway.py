import logging
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from uuid import uuid4

import pytest
from django.db import transaction
from django.utils import timezone

from billing import gateway, stripe_state
from billing.models import Payment, Refund
from devserver.fake_stripe_server import FakeStripeServer
from ecommerce.models import OrderAct
from ecommerce.orders.apply_results import apply_results
from ecommerce.orders.cancel import cancel
from ecommerce.orders.refund import refund
from ecommerce.orders.refund_quotes import RefundRequest
from tests.support.factories import ANA, make_card, make_customer, place_order
from tests.support.order_acts import by_hand, fresh, paid, payment_of, settle, sweep_now
from tests.support.waiting import wait_until

pytestmark = pytest.mark.django_db
NOW = timezone.now
Ledger = Callable[[], dict[str, Any]]
BALANCED = pytest.mark.usefixtures("balanced")


@pytest.fixture
def impatient(settings: Any) -> Iterator[None]:
    settings.STRIPE_TIMEOUTS = (1.0, 0.4)
    gateway.client.cache_clear()
    yield
    gateway.client.cache_clear()


def charge(key: str = "", **fields: Any) -> gateway.PaymentIntent:
    known: Any = {"amount": 700, "currency": "usd", "confirm": True, "payment_method": "pm_card_visa"}
    return gateway.create_intent(
        params=known | {"allowed_payment_method_types": ["card"]} | fields, key=key or str(uuid4())
    )


def send_back(intent: gateway.PaymentIntent, key: str = "", **fields: Any) -> gateway.StripeRefund:
    return gateway.create_refund(params={"payment_intent": intent.id} | fields, key=key or str(uuid4()))


@contextmanager
def answering(settings: Any, status: int, body: bytes) -> Iterator[None]:
    """Put something else in Stripe's place: what a proxy says, or a broken answer."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    settings.STRIPE_API_BASE = f"http://127.0.0.1:{server.server_port}"
    gateway.client.cache_clear()
    try:
        yield
    finally:
        gateway.client.cache_clear()
        server.shutdown()
        server.server_close()


# What each answer of Stripe's is called


def test_a_success_says_what_was_taken_and_from_what_card() -> None:
    intent = charge(expand=["payment_method"], metadata={"payment": "p"})
    assert (intent.status, intent.amount, intent.currency, intent.metadata) == (
        "succeeded",
        700,
        "usd",
        {"payment": "p"},
    )
    assert intent.card
    assert (intent.card.brand, intent.card.last4, intent.card.attached) == ("visa", "4242", False)
    back = send_back(intent, amount=300)
    assert (back.status, back.amount, back.intent_id) == ("succeeded", 300, intent.id)


def test_a_decline_carries_the_banks_words_and_the_attempt() -> None:
    with pytest.raises(gateway.CardDeclined) as no:
        charge(payment_method="pm_card_chargeDeclinedInsufficientFunds")
    assert (no.value.code, no.value.decline_code) == ("card_declined", "insufficient_funds")
    assert no.value.message == "Your card has insufficient funds."
    assert no.value.intent
    assert no.value.intent.status == "requires_payment_method"


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, gateway.InvalidRequest),
        (401, gateway.Misconfigured),
        (403, gateway.Misconfigured),
        (404, gateway.InvalidRequest),
        (409, gateway.Busy),
        (429, gateway.NotSent),
        (500, gateway.Unavailable),
        (503, gateway.Unavailable),
    ],
)
def test_what_each_status_means(fake_stripe: FakeStripeServer, status: int, error: type[gateway.GatewayError]) -> None:
    fake_stripe.faults({"match": "POST /v1/payment_intents", "fault": "status", "status": status, "times": 1})
    with pytest.raises(gateway.GatewayError) as trouble:
        charge()
    assert type(trouble.value) is error
    assert trouble.value.message
    assert getattr(trouble.value, "stored", False) is (status >= 500)


@pytest.mark.parametrize("fault", ["drop_before", "drop_after"])
def test_a_connection_that_breaks_tells_nothing(fake_stripe: FakeStripeServer, fault: str) -> None:
    fake_stripe.faults({"match": "POST /v1/payment_intents", "fault": fault, "times": 1})
    with pytest.raises(gateway.Unavailable) as trouble:
        charge()
    assert not trouble.value.stored


@pytest.mark.usefixtures("impatient")
def test_silence_tells_nothing(fake_stripe: FakeStripeServer, ledger: Ledger) -> None:
    fake_stripe.faults({"match": "POST /v1/payment_intents", "fault": "hold"})
    with pytest.raises(gateway.Unavailable) as trouble:
        charge()
    assert not trouble.value.stored
    fake_stripe.clear()
    wait_until(lambda: len(ledger()["payment_intents"]) == 1)  # the money is taken all the same


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("status", "body"), [(502, b"<html>Bad Gateway</html>"), (404, b"not here"), (200, b'{"id": "re_'), (200, b"")]
)
def test_what_is_not_stripes_own_answer_tells_nothing(settings: Any, status: int, body: bytes) -> None:
    with answering(settings, status, body), pytest.raises(gateway.Unavailable) as trouble:
        gateway.retrieve_refund("re_1")
    assert not trouble.value.stored


@pytest.mark.django_db(transaction=True)
def test_a_key_in_flight_is_busy_and_then_gives_the_same_answer(fake_stripe: FakeStripeServer, ledger: Ledger) -> None:
    fake_stripe.faults({"match": "POST /v1/payment_intents", "fault": "hold", "times": 1})
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(charge, "the-same")
        while first.running() is False:
            pass
        threading.Event().wait(0.5)
        with pytest.raises(gateway.Busy):
            charge("the-same")
        fake_stripe.clear()
        assert first.result(10).id == charge("the-same").id
    assert len(ledger()["payment_intents"]) == 1


def test_other_parameters_under_a_key_are_refused() -> None:
    charge("the-same-again")
    with pytest.raises(gateway.InvalidRequest) as no:
        charge("the-same-again", amount=800)
    assert no.value.code == "idempotency_error"


def test_a_wrong_key_is_our_configuration(settings: Any) -> None:
    settings.STRIPE_SECRET_KEY = "sk_test_wrong"
    gateway.client.cache_clear()
    try:
        with pytest.raises(gateway.Misconfigured):
            charge()
        settings.STRIPE_SECRET_KEY = ""
        gateway.client.cache_clear()
        with pytest.raises(gateway.Misconfigured, match="STRIPE_SECRET_KEY is missing"):
            charge()
    finally:
        gateway.client.cache_clear()


@pytest.mark.parametrize(
    "case",
    [
        pytest.param("committed", marks=pytest.mark.django_db(transaction=True)),
        pytest.param("rolled back", marks=pytest.mark.django_db),
    ],
)
def test_nothing_is_asked_inside_a_transaction(case: str) -> None:
    with transaction.atomic(), pytest.raises(RuntimeError):
        gateway.retrieve_intent("pi_1")
    with transaction.atomic(), suppress(ZeroDivisionError), transaction.atomic():
        raise ZeroDivisionError
    with transaction.atomic(), pytest.raises(RuntimeError):
        gateway.retrieve_intent("pi_1")
    with pytest.raises(gateway.InvalidRequest):
        gateway.retrieve_intent("pi_1")


def test_lists_are_read_to_their_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateway, "PAGE", 2)
    intent = charge()
    made = [send_back(intent, amount=100).id for _ in range(5)]
    assert [each.id for each in gateway.list_refunds(intent.id)] == made[::-1]
    since = NOW() - timedelta(hours=1)
    page = gateway.refunds_page(since=since, after=made[2])
    assert ([each.id for each in page.rows], page.unreadable) == ([made[1], made[0]], [])
    assert gateway.intents_page(since=since).rows[0].id == intent.id


def test_a_card_is_kept_and_forgotten() -> None:
    customer = make_customer()
    card = make_card(customer, "tok_mastercard")
    assert (card.brand, card.last4) == ("mastercard", "4444")
    gateway.detach_card(card.stripe_payment_method_id)
    with pytest.raises(gateway.InvalidRequest):
        charge(payment_method=card.stripe_payment_method_id, customer=customer.stripe_customer_id)


# What is done about it


@pytest.mark.django_db(transaction=True)
@BALANCED
@pytest.mark.parametrize("status", [401, 403, 409, 429, 500, 503])
def test_a_charge_without_a_response_is_tried_again_and_taken_once(
    fake_stripe: FakeStripeServer, ledger: Ledger, status: int
) -> None:
    fake_stripe.faults({"match": "POST /v1/payment_intents", "fault": "status", "status": status, "times": 1})
    order = place_order()
    waiting = payment_of(order)
    assert (order.money_state, waiting.generation, waiting.attempts) == ("payment_processing", 0, 1)
    sweep_now()
    assert (fresh(order).status, payment_of(order).generation) == ("paid", 1 if status >= 500 else 0)
    assert len(ledger()["payment_intents"]) == 1


@pytest.mark.django_db(transaction=True)
@BALANCED
@pytest.mark.parametrize("status", [401, 403, 409, 429, 500, 503])
def test_a_refund_without_a_response_is_tried_again_and_sent_once(
    fake_stripe: FakeStripeServer, ledger: Ledger, status: int
) -> None:
    order = paid()
    fake_stripe.faults({"match": "POST /v1/refunds", "fault": "status", "status": status, "times": 1})
    cancel(order_id=order.pk, reason="", by=ANA, at=NOW())
    assert settle(order).money_state == "refund_in_progress"
    sweep_now()
    assert (fresh(order).status, Refund.objects.get().generation) == ("canceled", 1 if status >= 500 else 0)
    assert len(ledger()["refunds"]) == 1


@pytest.mark.django_db(transaction=True)
@BALANCED
@pytest.mark.usefixtures("impatient")
def test_a_charge_taken_in_silence_is_looked_for(fake_stripe: FakeStripeServer, ledger: Ledger) -> None:
    fake_stripe.faults({"match": "POST /v1/payment_intents", "fault": "hold", "times": 1})
    order = place_order()
    assert order.money_state == "payment_processing"
    fake_stripe.clear()
    wait_until(lambda: len(ledger()["payment_intents"]) == 1)
    sweep_now()
    assert fresh(order).status == "paid"
    assert len(ledger()["payment_intents"]) == 1


@pytest.mark.django_db(transaction=True)
@BALANCED
@pytest.mark.usefixtures("impatient")
def test_a_charge_still_in_flight_is_not_sent_under_another_key(fake_stripe: FakeStripeServer, ledger: Ledger) -> None:
    fake_stripe.faults({"match": "POST /v1/payment_intents", "fault": "hold", "times": 1})
    order = place_order()
    sweep_now()
    assert (fresh(order).money_state, payment_of(order).generation) == ("payment_processing", 0)
    fake_stripe.clear()
    wait_until(lambda: len(ledger()["payment_intents"]) == 1)
    sweep_now()
    assert (fresh(order).status, len(ledger()["payment_intents"])) == ("paid", 1)


@BALANCED
def test_a_refused_charge_is_final_with_stripes_words(ledger: Ledger) -> None:
    order = place_order(token="pm_unknown")
    assert (order.status, order.money_state, order.held_at) == ("created", "payment_failed", None)
    assert "No such PaymentMethod" in OrderAct.objects.get().message
    assert ledger()["payment_intents"] == []


@BALANCED
def test_our_own_mistake_with_a_key_fails_loudly(
    fake_stripe: FakeStripeServer, caplog: pytest.LogCaptureFixture
) -> None:
    order = paid()
    refund(order_id=order.pk, request=RefundRequest(amount=300), reason="", by=ANA, at=NOW())
    row = Refund.objects.get()
    other = paid()
    gateway.create_refund(
        params={"payment_intent": payment_of(other).stripe_payment_intent_id, "amount": 100}, key=row.idempotency_key
    )
    with caplog.at_level(logging.ERROR, "billing.settlement"):
        failed = settle(order)
    assert (failed.money_state, Refund.objects.get(pk=row.pk).failure_code) == ("refund_failed", "idempotency_error")
    assert "other parameters" in caplog.text
    apply_results(
        results=stripe_state.fetch_refunds_of_intent(payment_of(other).stripe_payment_intent_id or ""), at=NOW()
    )


@BALANCED
def test_a_payment_that_was_refunded_already_in_parts_is_taken_as_refunded() -> None:
    order = paid()
    cancel(order_id=order.pk, reason="", by=ANA, at=NOW())
    by_hand(order, 1000)
    by_hand(order, 500)
    canceled = settle(order)
    assert (canceled.status, canceled.money_state, canceled.attention) == ("canceled", "", "")
    assert canceled.amount_refunded == 1500
    assert sorted(Refund.objects.values_list("amount", "status")) == [
        *[(500, "succeeded"), (1000, "succeeded"), (1500, "failed")]
    ]
    apply_results(
        results=stripe_state.fetch_refunds_of_intent(payment_of(order).stripe_payment_intent_id or ""), at=NOW()
    )
    assert fresh(order).amount_refunded == 1500


@BALANCED
def test_a_refund_by_hand_that_has_its_row_is_not_taken_for_ours() -> None:
    order = paid(quantity=2)
    by_hand(order, 1500)
    apply_results(
        results=stripe_state.fetch_refunds_of_intent(payment_of(order).stripe_payment_intent_id or ""), at=NOW()
    )
    cancel(order_id=order.pk, reason="", by=ANA, at=NOW())
    by_hand(order, 900)
    by_hand(order, 600)
    assert settle(order).status == "canceled"
    assert Refund.objects.get(status="failed").failure_code == "already_refunded"
    assert fresh(order).amount_refunded == 3000


@pytest.mark.django_db(transaction=True)
def test_a_refund_that_stripe_has_lost_is_asked_for_and_never_believed_gone(
    fake_stripe: FakeStripeServer, caplog: pytest.LogCaptureFixture
) -> None:
    order = paid(token="pm_card_pendingRefund")
    cancel(order_id=order.pk, reason="", by=ANA, at=NOW())
    settle(order)
    Refund.objects.update(stripe_refund_id="re_lost")
    with caplog.at_level(logging.ERROR, "billing.settlement"):
        sweep_now()
    assert "does not know re_lost any more" in caplog.text
    assert (fresh(order).money_state, Refund.objects.get().next_attempt_at is not None) == ("refund_pending", True)
    assert Payment.objects.get().refunds == 1500
