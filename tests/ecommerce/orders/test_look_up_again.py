"""Whatever is not final is looked up again by itself, with webhooks off: soon, then ever more seldom, until an end."""

from datetime import timedelta
from typing import Any

import pytest
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from billing import disputes, follow_up
from billing.models import Payment, Refund
from devserver.fake_stripe_server import FakeStripeServer
from ecommerce import tasks
from ecommerce.models import Order
from ecommerce.orders.cancel import cancel
from ecommerce.orders.execute import check_dispute, check_stripe_now
from ecommerce.tasks import sweep
from tests.support.factories import ANA, make_customer, make_sku, place_order
from tests.support.order_acts import fresh, kinds, paid, payment_of, settle
from tests.support.rows import a_paid_order

pytestmark = [pytest.mark.django_db(transaction=True)]
NOW = timezone.now


def pending() -> tuple[Order, Refund]:
    order = paid(token="pm_card_pendingRefund")
    cancel(order_id=order.pk, reason="", by=ANA, at=NOW())
    assert settle(order).money_state == "refund_pending"
    return order, Refund.objects.get()


def wait(row: Payment | Refund) -> timedelta:
    row.refresh_from_db()
    assert row.next_attempt_at
    return row.next_attempt_at - NOW()


def age(rows: Any, column: str, by: timedelta, due: str = "next_attempt_at") -> None:
    # An authentication is ended by the time of its first sending, which only the database's clock wrote.
    sent = {"first_sent_at": Now() - by} if column == "requested_at" else {}
    rows.update(**{column: Now() - by, due: Now() - timedelta(seconds=1)}, **sent)


def test_a_pending_refund_is_asked_about_soon_then_ever_more_seldom_and_ends(
    fake_stripe: FakeStripeServer, balanced: Any
) -> None:
    fake_stripe.post("clock", {"advance": 3600})
    order, refund = pending()
    fake_stripe.post("clock", {"advance": -3600})  # so it settles in an hour
    assert timedelta(minutes=1) < wait(refund) <= timedelta(minutes=2)
    for old, least, most in [
        (timedelta(minutes=20), timedelta(minutes=7), timedelta(minutes=12)),
        (timedelta(hours=10), timedelta(hours=3.9), timedelta(hours=6.1)),
        (timedelta(days=10), timedelta(hours=11.9), timedelta(hours=12)),
    ]:
        age(Refund.objects, "requested_at", old)
        sweep()
        assert least < wait(refund) <= most
    age(Refund.objects, "requested_at", timedelta(days=61))
    sweep()
    refund.refresh_from_db()
    assert (refund.status, refund.next_attempt_at) == ("pending", None)
    assert "60 days" in fresh(order).attention


def test_a_pending_refund_that_ended_is_applied_when_somebody_asks(
    balanced: Any, fake_stripe: FakeStripeServer
) -> None:
    order, refund = pending()
    age(Refund.objects, "requested_at", timedelta(days=61))
    sweep()
    fake_stripe.post(f"refunds/{refund.stripe_refund_id}/settle", {"status": "succeeded"})
    asked = check_stripe_now(order_id=order.pk, at=NOW())
    assert (asked.money_state, asked.attention) == ("", "")


def test_many_open_look_ups_take_a_share_of_the_rate_and_come_last(
    monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    customer, sku = make_customer(), make_sku()
    orders = [a_paid_order(customer, sku) for _each in range(40)]
    due = {"currency": "usd", "next_attempt_at": NOW() - timedelta(days=1)}
    for place, order in enumerate(orders):
        payment = Payment.objects.get(invoice__order=order)
        Refund.objects.create(payment=payment, amount=10, status="pending", stripe_refund_id=f"re_{place}", **due)
    newer = Refund.objects.create(payment=payment, amount=10, **due | {"next_attempt_at": NOW()})
    ran: list[Any] = []

    def run(calls: list[Any], until: float) -> None:
        ran.extend(calls)
        Refund.objects.filter(pk=newer.pk).update(next_attempt_at=None)

    monkeypatch.setattr(tasks, "run_in_threads", run)
    settings.STRIPE_MAX_REQUESTS_PER_SECOND = 20
    sweep()
    assert len(ran) == 1 + 20  # 20 in 15 s are a fifteenth of 20 a second
    assert ran[0].keywords == {"refund_id": newer.pk}


def test_an_open_dispute_is_looked_up_with_webhooks_off(balanced: Any, fake_stripe: FakeStripeServer) -> None:
    order = paid()
    dispute = fake_stripe.post("disputes", {"payment_intent": payment_of(order).stripe_payment_intent_id})["id"]
    check_dispute_soon(order, dispute)
    assert fresh(order).money_state == "disputed"
    fake_stripe.post(f"disputes/{dispute}/close", {"status": "won"})
    sweep()
    assert fresh(order).money_state == "disputed"  # not due yet
    age(Payment.objects, "disputed_at", timedelta(days=3), "dispute_check_at")
    sweep()
    assert (fresh(order).money_state, payment_of(order).dispute_check_at) == ("", None)
    assert kinds(order).count("dispute_won") == 1


def check_dispute_soon(order: Order, dispute: str) -> None:
    check_dispute(dispute_id=dispute, at=NOW())
    due = payment_of(order).dispute_check_at
    assert due
    assert timedelta(minutes=4) < due - NOW() <= timedelta(minutes=5)


def test_disputes_are_claimed_by_one_sweep_and_end(balanced: Any, fake_stripe: FakeStripeServer) -> None:
    order = paid()
    dispute = fake_stripe.post("disputes", {"payment_intent": payment_of(order).stripe_payment_intent_id})["id"]
    check_dispute_soon(order, dispute)
    age(Payment.objects, "disputed_at", timedelta(days=30), "dispute_check_at")
    assert (disputes.claim_due(10), disputes.claim_due(10)) == ([dispute], [])
    age(Payment.objects, "disputed_at", timedelta(days=181), "dispute_check_at")
    assert disputes.claim_due(10) == [dispute]
    assert payment_of(order).dispute_check_at is None


def test_an_authentication_is_looked_up_until_its_end(balanced: Any, ledger: Any) -> None:
    order = place_order(token="pm_card_authenticationRequired")
    payment = payment_of(order)
    assert payment.authenticate_within == timedelta(hours=24)
    assert timedelta(minutes=1) < wait(payment) <= timedelta(minutes=2)
    age(Payment.objects, "requested_at", timedelta(hours=23, minutes=50))
    sweep()
    assert timedelta(minutes=9) < wait(payment) <= timedelta(minutes=10)
    age(Payment.objects, "requested_at", timedelta(hours=24, minutes=1))
    sweep()
    assert (fresh(order).money_state, fresh(order).held_at) == ("payment_failed", None)
    assert [each["status"] for each in ledger()["payment_intents"]] == ["canceled"]


@pytest.mark.parametrize("schedule", [follow_up.PENDING_REFUND, follow_up.OPEN_DISPUTE, follow_up.AUTHENTICATION])
def test_no_schedule_comes_within_a_lease_and_each_ends(schedule: follow_up.Schedule) -> None:
    assert schedule.first > timedelta(seconds=60)
    assert schedule.first < schedule.longest < schedule.end
    assert isinstance(schedule.ended(), Q)
