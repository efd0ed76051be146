import json
import time
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from billing import gateway
from billing.models import Payment, Refund, WebhookEvent
from billing.tasks import process_event
from devserver.fake_stripe_server import FakeStripeServer
from ecommerce.models import Order
from ecommerce.orders.cancel import cancel
from ecommerce.orders.pay import pay
from ecommerce.tasks import sweep
from tests.support.factories import ANA, place_order
from tests.support.order_acts import at_once, by_hand, fresh, kinds, paid, payment_of, settle
from tests.support.webhook_events import ADDRESS, deliver, happened, post

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("balanced")]
NOW = timezone.now


def event(kind: str = "customer.created", **fields: Any) -> dict[str, Any]:
    known = {"id": "evt_1", "object": "event", "type": kind, "data": {"object": {"id": "cus_1"}}}
    return known | fields


# The address


def test_an_event_is_kept_once_however_often_it_is_delivered() -> None:
    assert [post(event()).status_code for _ in range(3)] == [200] * 3
    kept = WebhookEvent.objects.get()
    assert (kept.stripe_event_id, kept.type, kept.payload["data"]) == (
        *("evt_1", "customer.created", {"object": {"id": "cus_1"}}),
    )


@pytest.mark.django_db(transaction=True)
def test_an_event_delivered_twice_at_once_is_kept_once() -> None:
    assert at_once(*[partial(post, event())] * 8) == ["done"] * 8
    assert WebhookEvent.objects.count() == 1


def test_what_stripe_did_not_sign_now_is_refused_and_not_kept(caplog: pytest.LogCaptureFixture) -> None:
    unsigned = Client(enforce_csrf_checks=True).post(ADDRESS, "{}", content_type="application/json")
    changed = Client().post(ADDRESS, json.dumps(event()), "application/json", headers={"Stripe-Signature": "t=1,v1=0"})
    answers = [unsigned, changed, post(event(), secret="whsec_another"), post(event(), at=time.time() - 3600)]
    assert [answer.status_code for answer in answers] == [400] * 4
    reasons = [each.getMessage() for each in caplog.records if each.name == "billing.webhooks.views"]
    assert len(reasons) == 4
    assert "is STRIPE_WEBHOOK_SECRET this endpoint's at Stripe?" in reasons[2]
    assert WebhookEvent.objects.count() == 0


def test_without_a_secret_nothing_is_believed(settings: Any) -> None:
    settings.STRIPE_WEBHOOK_SECRET = ""
    assert post(event(), secret="").status_code == 503
    assert Client().get(ADDRESS).status_code == 405
    assert WebhookEvent.objects.count() == 0


def test_an_unknown_type_is_kept_and_done_with() -> None:
    post(event())
    kept = WebhookEvent.objects.get()
    assert (kept.next_attempt_at, kept.error, kept.attempts) == (None, "", 0)
    assert kept.processed_at is not None
    WebhookEvent.objects.update(next_attempt_at=NOW(), processed_at=None)  # as "Process again" does
    process_event(event_id=kept.pk)
    kept.refresh_from_db()
    assert (kept.next_attempt_at, kept.error, kept.attempts) == (None, "", 1)


def test_the_secret_of_an_intent_is_not_kept() -> None:
    place_order(token="pm_card_chargeDeclined")
    declined = happened("payment_intent.payment_failed")[0]
    assert declined["data"]["object"]["client_secret"]
    assert post(declined).status_code == 200
    assert "client_secret" not in WebhookEvent.objects.get().payload["data"]["object"]


# What an event brings about


def test_an_authentication_completed_in_the_browser_pays_the_order(fake_stripe: FakeStripeServer) -> None:
    order = place_order(token="pm_card_authenticationRequired")
    fake_stripe.post(f"3ds/{payment_of(order).stripe_payment_intent_id}", {"outcome": "complete"})
    done = deliver("payment_intent.succeeded")
    assert (fresh(order).status, done.error, done.next_attempt_at) == ("paid", "", None)
    process_event(event_id=done.pk)
    assert kinds(order).count("paid") == 1


@pytest.mark.django_db(transaction=True)
def test_an_authentication_failed_in_the_browser_is_ended_by_the_sweep_not_by_the_event(
    fake_stripe: FakeStripeServer, ledger: Any
) -> None:
    order = place_order(token="pm_card_authenticationRequired")
    fake_stripe.post(f"3ds/{payment_of(order).stripe_payment_intent_id}", {"outcome": "fail"})
    deliver("payment_intent.payment_failed")
    assert [each["status"] for each in ledger()["payment_intents"]] == ["requires_payment_method"]
    assert fresh(order).money_state == "authentication_required"
    sweep()
    assert fresh(order).money_state == "payment_failed"
    assert [each["status"] for each in ledger()["payment_intents"]] == ["canceled"]


def test_an_event_never_shortens_a_lease(fake_stripe: FakeStripeServer) -> None:
    order = place_order(token="pm_card_authenticationRequired")
    fake_stripe.post(f"3ds/{payment_of(order).stripe_payment_intent_id}", {"outcome": "fail"})
    lease = NOW() + timedelta(seconds=50)
    Payment.objects.update(next_attempt_at=lease)
    deliver("payment_intent.payment_failed")
    assert Payment.objects.get().next_attempt_at == lease
    pay(order_id=order.pk, by=ANA, at=NOW(), token="pm_card_visa")


def test_a_canceled_intent_fails_the_payment() -> None:
    order = place_order(token="pm_card_authenticationRequired")
    gateway.cancel_intent(payment_of(order).stripe_payment_intent_id or "")
    deliver("payment_intent.canceled")
    assert (fresh(order).money_state, payment_of(order).status) == ("payment_failed", "failed")


@pytest.mark.parametrize("kind", ["refund.created", "charge.refunded"])
def test_a_refund_made_at_stripe_gets_its_row(kind: str) -> None:
    order = paid()
    hand = by_hand(order, 500)
    deliver(kind)
    row = Refund.objects.get()
    assert (row.stripe_refund_id, row.amount, row.by_label, fresh(order).amount_refunded) == (hand, 500, "Stripe", 500)


def test_a_pending_refund_that_succeeds_later_is_applied(fake_stripe: FakeStripeServer) -> None:
    order = paid(token="pm_card_pendingRefund")
    cancel(order_id=order.pk, reason="", by=ANA, at=NOW())
    assert settle(order).money_state == "refund_pending"
    fake_stripe.post(f"refunds/{Refund.objects.get().stripe_refund_id}/settle", {"status": "succeeded"})
    deliver("refund.updated")
    assert (fresh(order).money_state, Refund.objects.get().status) == ("", "succeeded")


def test_a_refund_that_failed_later_is_applied(fake_stripe: FakeStripeServer) -> None:
    order = paid()
    cancel(order_id=order.pk, reason="", by=ANA, at=NOW())
    settle(order)
    fake_stripe.post(f"refunds/{Refund.objects.get().stripe_refund_id}/settle", {"status": "failed"})
    deliver("refund.failed")
    assert (fresh(order).status, fresh(order).money_state) == ("canceled", "refund_failed")


def test_a_dispute_and_its_end_are_applied_in_any_order(fake_stripe: FakeStripeServer) -> None:
    order = paid()
    dispute = fake_stripe.post("disputes", {"payment_intent": payment_of(order).stripe_payment_intent_id})["id"]
    deliver("charge.dispute.created")
    assert fresh(order).money_state == "disputed"
    fake_stripe.post(f"disputes/{dispute}/close", {"status": "won"})
    deliver("charge.dispute.closed")
    created = happened("charge.dispute.created")[0]
    WebhookEvent.objects.filter(stripe_event_id=created["id"]).update(processed_at=None, next_attempt_at=NOW())
    sweep_events()
    assert fresh(order).money_state == ""


def sweep_events() -> None:
    for key in WebhookEvent.objects.filter(next_attempt_at__lte=NOW()).values_list("pk", flat=True):
        process_event(event_id=key)


def test_our_own_refund_received_before_its_result_is_applied_once(fake_stripe: FakeStripeServer, ledger: Any) -> None:
    order = paid()
    cancel(order_id=order.pk, reason="", by=ANA, at=NOW())
    fake_stripe.faults({"match": "POST /v1/refunds", "fault": "drop_after", "times": 1})
    settle(order)
    deliver("refund.created")
    assert (fresh(order).status, len(ledger()["refunds"])) == ("canceled", 1)


# Errors


def test_an_error_stays_on_the_row_and_is_tried_again(fake_stripe: FakeStripeServer) -> None:
    order = paid()
    by_hand(order, 500)
    fake_stripe.faults({"match": "GET /v1/refunds", "fault": "status", "status": 500, "times": 1})
    failed = deliver("refund.created")
    assert failed.error.startswith("Unavailable: ")
    assert failed.processed_at is None
    assert NOW() < (failed.next_attempt_at or NOW()) < NOW() + timedelta(seconds=10)

    WebhookEvent.objects.update(next_attempt_at=NOW())
    sweep_events()
    failed.refresh_from_db()
    assert (failed.error, failed.next_attempt_at, failed.attempts, fresh(order).amount_refunded) == ("", None, 2, 500)


@pytest.mark.django_db(transaction=True)
def test_an_event_that_keeps_failing_is_tried_for_days_and_then_left_with_its_error() -> None:
    cancel(order_id=paid().pk, reason="", by=ANA, at=NOW())
    Refund.objects.update(stripe_refund_id="re_unknown")  # ours, so that Stripe's not knowing it is an error
    post(event("refund.created", data={"object": {"id": "re_unknown"}}))
    kept = WebhookEvent.objects.get()
    for tries in range(1, 15):
        WebhookEvent.objects.update(next_attempt_at=NOW())
        process_event(event_id=kept.pk)
        kept.refresh_from_db()
        assert kept.attempts == tries
    assert timedelta(minutes=25) < (kept.next_attempt_at or NOW()) - NOW() < timedelta(hours=1)

    WebhookEvent.objects.update(next_attempt_at=NOW(), received_at=NOW() - timedelta(days=4))
    process_event(event_id=kept.pk)
    kept.refresh_from_db()
    assert (kept.next_attempt_at, kept.processed_at) == (None, None)
    assert "No such refund" in kept.error
    Refund.objects.update(stripe_refund_id=None)
    sweep()


@pytest.mark.django_db(transaction=True)
def test_an_event_is_worked_on_by_one_at_a_time() -> None:
    order = paid()
    by_hand(order, 500)
    post(happened("refund.created")[0])
    kept = WebhookEvent.objects.get()
    at_once(*[partial(process_event, event_id=kept.pk)] * 6)
    kept.refresh_from_db()
    assert (kept.attempts, kept.error, Refund.objects.count()) == (1, "", 1)


# What an event can't tell us


def fetched(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Which objects Stripe is asked for from now on."""
    asked: list[str] = []
    for name in ("retrieve_refund", "list_refunds", "retrieve_intent"):
        monkeypatch.setattr(gateway, name, partial(_ask, asked, getattr(gateway, name)))
    return asked


def _ask(asked: list[str], whole: Any, key: str) -> Any:
    asked.append(key)
    return whole(key)


def canceled_order() -> Order:
    order = paid()
    cancel(order_id=order.pk, reason="", by=ANA, at=NOW())
    settle(order)
    assert fresh(order).status == "canceled"
    return order


@pytest.mark.parametrize("kind", ["refund.created", "charge.refunded"])
def test_the_events_of_a_refund_that_is_known_here_ask_stripe_for_nothing(
    kind: str, monkeypatch: pytest.MonkeyPatch, ledger: Any
) -> None:
    canceled_order()
    asked = fetched(monkeypatch)
    done = deliver(kind)
    assert done.processed_at
    assert asked == []


@pytest.mark.parametrize("kind", ["refund.created", "charge.refunded"])
def test_what_our_row_does_not_say_is_asked_for(kind: str, monkeypatch: pytest.MonkeyPatch, ledger: Any) -> None:
    order = canceled_order()
    asked = fetched(monkeypatch)
    Refund.objects.update(status="pending")
    deliver(kind)
    assert len(asked) == 1
    assert Refund.objects.get().status == "succeeded"
    assert fresh(order).status == "canceled"


def test_an_event_that_is_quicker_than_the_response_waits_for_it(
    monkeypatch: pytest.MonkeyPatch, fake_stripe: FakeStripeServer, ledger: Any
) -> None:
    order = paid()
    cancel(order_id=order.pk, reason="", by=ANA, at=NOW())
    fake_stripe.faults({"match": "POST /v1/refunds", "fault": "drop_after", "times": 1})
    settle(order)
    asked = fetched(monkeypatch)
    Refund.objects.update(next_attempt_at=NOW() + timedelta(seconds=59))  # as if the call were still under way
    waiting = deliver("refund.created")
    assert (waiting.processed_at, waiting.error, asked) == (None, "", [])
    assert waiting.next_attempt_at
    # Not for long: the process may have died.
    WebhookEvent.objects.update(received_at=NOW() - timedelta(seconds=11), next_attempt_at=NOW())
    process_event(event_id=waiting.pk)
    assert len(asked) == 1
    assert fresh(order).status == "canceled"
