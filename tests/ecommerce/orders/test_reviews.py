"""Reviews of Stripe Radar hold orders and release them, in whatever order their events come."""

from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone

from billing import gateway, stripe_state
from billing.models import Payment, Reconciliation, WebhookEvent
from billing.reconciliation.settle import note_reviews
from billing.webhooks.processing import process_event
from devserver.fake_stripe_server import FakeStripeServer
from ecommerce.models import Order
from ecommerce.orders.fulfill import fulfill
from ecommerce.orders.hold import hold, release
from ecommerce.tasks import sweep
from tests.support.admin import LIST, signed_in
from tests.support.factories import ANA
from tests.support.order_acts import fresh, kinds, paid, payment_of, refused

pytestmark = pytest.mark.django_db(transaction=True)


def opened(fake_stripe: FakeStripeServer, order: Order, reason: str = "rule") -> str:
    body = {"payment_intent": payment_of(order).stripe_payment_intent_id, "reason": reason}
    return str(fake_stripe.post("reviews", body)["id"])


def closed(fake_stripe: FakeStripeServer, review: str, reason: str = "approved") -> None:
    fake_stripe.post(f"reviews/{review}/close", {"reason": reason})


def hear(review: str, what: str) -> None:
    """Process an event of a review, as it is delivered."""
    event = WebhookEvent.objects.create(
        stripe_event_id=f"evt_{WebhookEvent.objects.count()}",
        type=f"review.{what}",
        payload={"data": {"object": {"id": review, "object": "review"}}},
    )
    process_event(event_id=event.pk, at=timezone.now())
    event.refresh_from_db()
    assert (event.error, event.ignored) == ("", False)


def test_an_elevated_risk_holds_the_order_as_it_is_paid() -> None:
    order = paid(token="pm_card_riskLevelElevated")
    assert (order.on_hold, order.held_for_review) == (True, True)
    assert payment_of(order).review == "open"
    assert kinds(order)[-2:] == ["paid", "held"]
    with refused("on_hold"):
        fulfill(order_id=order.pk, by=ANA, at=timezone.now())


@pytest.mark.parametrize("reason", ["approved", "refunded", "refunded_as_fraud", "disputed", "redacted"])
def test_opened_then_closed(fake_stripe: FakeStripeServer, reason: str) -> None:
    order = paid()
    review = opened(fake_stripe, order)
    hear(review, "opened")
    held = fresh(order)
    closed(fake_stripe, review, reason)
    hear(review, "closed")
    hear(review, "closed")

    assert (held.on_hold, fresh(order).on_hold) == (True, False)
    assert kinds(order).count("held") == kinds(order).count("released") == 1
    released = order.events.get(kind="released")
    assert (released.by_kind, released.data) == ("stripe", {"review": reason})
    assert (payment_of(order).review, payment_of(order).review_reason) == ("closed", reason)


def test_closed_first_and_opened_late_holds_nothing(fake_stripe: FakeStripeServer) -> None:
    order = paid()
    review = opened(fake_stripe, order)
    closed(fake_stripe, review)
    hear(review, "closed")
    hear(review, "opened")
    assert not fresh(order).on_hold
    assert "held" not in kinds(order)


def test_an_event_twice_holds_once(fake_stripe: FakeStripeServer) -> None:
    order = paid()
    review = opened(fake_stripe, order)
    hear(review, "opened")
    hear(review, "opened")
    assert kinds(order).count("held") == 1


def test_what_staff_hold_stays_on_hold_whatever_stripe_says(fake_stripe: FakeStripeServer) -> None:
    order = paid()
    hold(order_id=order.pk, reason="Asked the customer", by=ANA, at=timezone.now())
    review = opened(fake_stripe, order)
    hear(review, "opened")
    assert (fresh(order).hold_reason, fresh(order).held_for_review) == ("Asked the customer", False)
    closed(fake_stripe, review)
    hear(review, "closed")
    assert fresh(order).on_hold


def test_released_by_staff_during_a_review_it_is_held_for_that(fake_stripe: FakeStripeServer) -> None:
    order = paid()
    hold(order_id=order.pk, reason="Asked the customer", by=ANA, at=timezone.now())
    hear(opened(fake_stripe, order), "opened")
    release(order_id=order.pk, by=ANA, at=timezone.now())
    assert (fresh(order).on_hold, fresh(order).held_for_review) == (True, True)

    release(order_id=order.pk, by=ANA, at=timezone.now())  # who says so twice means it
    assert not fresh(order).on_hold


def test_a_hold_of_staff_takes_the_place_of_the_review(fake_stripe: FakeStripeServer) -> None:
    order = paid()
    review = opened(fake_stripe, order)
    hear(review, "opened")
    hold(order_id=order.pk, reason="Asked the customer", by=ANA, at=timezone.now())
    closed(fake_stripe, review)
    hear(review, "closed")
    assert fresh(order).hold_reason == "Asked the customer"


def test_what_has_left_is_not_held(fake_stripe: FakeStripeServer) -> None:
    order = paid()
    fulfill(order_id=order.pk, by=ANA, at=timezone.now())
    hear(opened(fake_stripe, order), "opened")
    assert not fresh(order).on_hold
    assert payment_of(order).review == "open"


def test_the_sweep_notices_an_end_whose_event_was_lost(fake_stripe: FakeStripeServer) -> None:
    order = paid()
    review = opened(fake_stripe, order)
    hear(review, "opened")
    closed(fake_stripe, review)
    Payment.objects.update(review_check_at=timezone.now())
    sweep()
    assert not fresh(order).on_hold
    assert payment_of(order).review_check_at is None


def test_reconciliation_notices_a_review_whose_event_was_lost(fake_stripe: FakeStripeServer) -> None:
    order = paid()
    opened(fake_stripe, order)
    payment = payment_of(order)
    intent = gateway.retrieve_intent(payment.stripe_payment_intent_id or "")
    note_reviews([intent], {intent.id: payment})
    assert fresh(order).held_for_review
    assert not Reconciliation.objects.exists()


def test_the_page_says_what_it_is(fake_stripe: FakeStripeServer) -> None:
    order = paid()
    review = opened(fake_stripe, order, "manual")
    hear(review, "opened")
    page: Any = signed_in("ecommerce.view_order").get(f"{LIST}{order.pk}/change/").content.decode()
    assert "Stripe Radar reviews the payment" in page
    assert f"Under review by Stripe Radar (manual, {review})" in page


def test_a_review_of_a_foreign_charge_is_none_of_ours(fake_stripe: FakeStripeServer) -> None:
    order = paid()
    review = opened(fake_stripe, order)
    Payment.objects.update(stripe_payment_intent_id="pi_other", stripe_charge_id="ch_other", uuid=uuid4())
    assert stripe_state.fetch_review(review) == []
