import io
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db.models import F
from django.utils import timezone

from billing import gateway
from billing.models import ComparedObject, Difference, Payment, Reconciliation, Refund
from billing.reconciliation import run as reconciliation
from billing.results import PaymentResult
from billing.tasks import reconcile as reconcile_task
from billing.tasks import reconcile_nightly
from ecommerce.orders.apply_results import apply_results
from ecommerce.orders.cancel import cancel
from ecommerce.orders.refund import refund
from ecommerce.tasks import sweep
from tests.support.admin import numbers, viewer
from tests.support.books import differences
from tests.support.factories import ANA, place_order
from tests.support.fake_stripe_process import FakeStripe
from tests.support.order_acts import by_hand, fresh, paid, payment_of, settle, sweep_now

pytestmark = pytest.mark.django_db
NOW = timezone.now
Kind = Difference.Kind


@pytest.fixture
def stripe(tmp_path: Path, settings: Any) -> Iterator[FakeStripe]:
    """Give a Stripe whose books are empty: reconciling reads all of them."""
    with FakeStripe(tmp_path / "stripe") as fake_stripe:
        settings.STRIPE_API_BASE = fake_stripe.url
        gateway.client.cache_clear()
        yield fake_stripe
    gateway.client.cache_clear()


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch, stripe: FakeStripe) -> None:
    monkeypatch.setattr("billing.management.commands.reconcile.PATIENCE", 0)


def run() -> tuple[int, str]:
    """Run the command; give its exit status and what it printed."""
    out = io.StringIO()
    try:
        call_command("reconcile", stdout=out)
    except CommandError as error:
        return error.returncode, out.getvalue() + str(error)
    return 0, out.getvalue()


def found() -> list[tuple[str, str]]:
    return list(Difference.objects.filter(resolved_at=None).order_by("pk").values_list("kind", "stripe_id"))


def charge(**fields: Any) -> gateway.PaymentIntent:
    """Charge somebody at Stripe, past our own doors."""
    known: Any = {"amount": 700, "currency": "usd", "confirm": True, "payment_method": "pm_card_visa"}
    known |= {"allowed_payment_method_types": ["card"]} | fields
    return gateway.create_intent(params=known, key=f"past-us-{fields}")


def test_books_that_agree_say_so(stripe: FakeStripe) -> None:
    canceled = paid()
    cancel(order_id=canceled.pk, reason="", by=ANA, at=NOW())
    settle(canceled)
    place_order(token="pm_card_chargeDeclined")
    place_order(token="pm_card_authenticationRequired")
    part = paid()
    refund(order_id=part.pk, amount=300, reason="", by=ANA, at=NOW())
    settle(part)

    assert run() == (0, "6 compared, 0 settled, 0 differ.\n")
    assert ComparedObject.objects.count() == 0


def test_a_charge_whose_response_got_lost_is_settled(stripe: FakeStripe) -> None:
    stripe.faults({"match": "POST /v1/payment_intents", "fault": "drop_after", "times": 1})
    order = place_order()
    assert fresh(order).money_state == "payment_processing"
    assert run() == (0, "1 compared, 1 settled, 0 differ.\n")
    assert (fresh(order).status, str(payment_of(order).card)) == ("paid", "Visa •••• 4242")
    assert differences(stripe.ledger()) == []


def test_a_refund_whose_response_got_lost_and_one_made_by_hand_are_settled(stripe: FakeStripe) -> None:
    order, other = paid(), paid()
    cancel(order_id=order.pk, reason="", by=ANA, at=NOW())
    stripe.faults({"match": "POST /v1/refunds", "fault": "drop_after", "times": 1})
    settle(order)
    by_hand(other, 400)
    assert run() == (0, "4 compared, 2 settled, 0 differ.\n")
    assert (fresh(order).status, fresh(other).amount_refunded) == ("canceled", 400)
    assert differences(stripe.ledger()) == []


def test_a_refund_that_failed_without_a_webhook_is_settled(stripe: FakeStripe) -> None:
    order = paid()
    cancel(order_id=order.pk, reason="", by=ANA, at=NOW())
    settle(order)
    stripe.post(f"refunds/{Refund.objects.get().stripe_refund_id}/settle", {"status": "failed"})
    assert run() == (0, "2 compared, 1 settled, 0 differ.\n")
    assert (fresh(order).status, fresh(order).money_state) == ("canceled", "refund_failed")


@pytest.mark.django_db(transaction=True)
def test_a_late_success_that_went_back_is_fine(stripe: FakeStripe) -> None:
    stripe.faults({"match": "POST /v1/payment_intents", "fault": "drop_after", "times": 1})
    order = place_order()
    payment = payment_of(order)
    apply_results(results=[PaymentResult(payment_id=payment.pk, status=Payment.Status.FAILED, message="No.")], at=NOW())
    cancel(order_id=order.pk, reason="", by=ANA, at=NOW())
    assert run() == (0, "1 compared, 1 settled, 0 differ.\n")
    sweep_now()
    assert run() == (0, "2 compared, 0 settled, 0 differ.\n")
    assert [each["status"] for each in stripe.ledger()["refunds"]] == ["succeeded"]


def test_a_charge_that_is_not_here_is_listed_each_night(stripe: FakeStripe) -> None:
    intent = charge()
    status, told = run()
    assert (status, found()) == (1, [(Kind.CHARGE_UNKNOWN, intent.id)])
    assert f"Stripe took USD 7.00 ({intent.id}) that no payment here knows of." in told

    gateway.create_refund(params={"payment_intent": intent.id}, key="back")
    assert run()[0] == 1
    first = Difference.objects.get(kind=Kind.CHARGE_UNKNOWN)
    assert first.found_at < first.seen_at
    assert Difference.objects.filter(kind=Kind.REFUND_UNKNOWN).count() == 1


def test_a_charge_in_a_currency_that_is_not_sold_in_is_listed(stripe: FakeStripe) -> None:
    charge(currency="bgn")
    assert "700 BGN in its smallest unit" in run()[1]


def test_a_second_charge_for_one_payment_is_listed_at_its_order(stripe: FakeStripe) -> None:
    order = paid()
    again = charge(metadata={"payment": str(payment_of(order).uuid)})
    assert run()[0] == 1
    assert found() == [(Kind.CHARGE_TWICE, again.id)]
    assert f"for order {order.number} once more" in fresh(order).attention
    assert numbers(viewer(), "?attention=1") == [order.number]
    assert fresh(order).status == "paid"


def test_a_payment_that_stripe_has_not_is_listed_until_it_is_put_right(stripe: FakeStripe) -> None:
    order = paid()
    right = payment_of(order).stripe_payment_intent_id
    Payment.objects.update(stripe_payment_intent_id="pi_invented", uuid="00000000-0000-0000-0000-000000000001")
    assert run()[0] == 1
    assert sorted(found()) == [(Kind.CHARGE_MISSING, "pi_invented"), (Kind.CHARGE_UNKNOWN, right)]
    assert "Stripe has no record of it" in fresh(order).attention

    Payment.objects.update(stripe_payment_intent_id=right)
    assert run() == (0, "1 compared, 0 settled, 0 differ.\n")
    assert fresh(order).attention == ""
    assert Difference.objects.exclude(resolved_at=None).count() == 2


def test_a_refund_that_stripe_has_not_is_listed(stripe: FakeStripe) -> None:
    order = paid()
    known = {
        "payment": payment_of(order),
        "amount": 100,
        "currency": "usd",
        "status": "succeeded",
        "next_attempt_at": None,
    }
    Refund.objects.create(**known, stripe_refund_id="re_invented", closed_at=NOW(), **ANA.columns)
    assert run()[0] == 1
    assert found() == [(Kind.REFUND_MISSING, "re_invented")]
    assert "re_invented" in fresh(order).attention


def test_what_was_settled_outside_stripe_is_not_missing_there(stripe: FakeStripe) -> None:
    known = {
        "payment": payment_of(paid()),
        "amount": 100,
        "currency": "usd",
        "status": "succeeded",
        "next_attempt_at": None,
    }
    Refund.objects.create(**known, settled_outside=True, closed_at=NOW(), **ANA.columns)
    assert run()[0] == 0


def test_amounts_and_ends_that_differ_are_listed(stripe: FakeStripe) -> None:
    wrong, undone = paid(), paid()
    refund(order_id=wrong.pk, amount=300, reason="", by=ANA, at=NOW())
    settle(wrong)
    Refund.objects.update(amount=200)
    Payment.objects.filter(pk=payment_of(undone).pk).update(amount=1600)
    status, told = run()
    assert (status, sorted(kind for kind, _ in found())) == (1, [Kind.CHARGE_DIFFERS, Kind.REFUND_DIFFERS])
    assert "is USD 16.00, succeeded here; at Stripe it is USD 15.00, succeeded." in told
    assert "is USD 2.00, succeeded here; at Stripe it is USD 3.00, succeeded." in told


def test_a_payment_that_did_not_succeed_at_stripe_is_listed(stripe: FakeStripe) -> None:
    order = place_order(token="pm_card_authenticationRequired")
    intent = payment_of(order).stripe_payment_intent_id
    apply_results(results=[PaymentResult(payment_id=payment_of(order).pk, status=Payment.Status.SUCCEEDED)], at=NOW())
    assert run()[0] == 1
    assert found() == [(Kind.CHARGE_DIFFERS, intent)]


def test_what_comes_into_being_meanwhile_is_not_missing(stripe: FakeStripe) -> None:
    order = paid()
    begun = reconciliation.start(at=NOW())
    Reconciliation.objects.update(phase=Reconciliation.Phase.OUR_PAYMENTS)
    refund(order_id=order.pk, amount=100, reason="", by=ANA, at=NOW())
    settle(order)
    reconcile_task(reconciliation_id=begun.pk)
    begun.refresh_from_db()
    assert begun.finished_at is not None
    assert found() == []


def test_it_goes_on_from_the_page_where_it_was_left(stripe: FakeStripe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reconciliation, "PAGE", 2)
    monkeypatch.setattr(gateway, "PAGE", 2)
    for _ in range(5):
        paid()
    begun = reconciliation.start(at=NOW())
    reconciliation._compare_page(begun)
    left = reconciliation.start(at=NOW() + timedelta(minutes=3))
    assert (left.pk, left.compared, left.phase) == (begun.pk, 2, "charges")
    Reconciliation.objects.update(next_attempt_at=NOW())
    assert run() == (0, "5 compared, 0 settled, 0 differ.\n")
    assert Reconciliation.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_with_stripe_away_it_says_so_and_goes_on_later(stripe: FakeStripe) -> None:
    paid()
    stripe.faults({"match": "GET /v1/payment_intents", "fault": "status", "status": 503})
    status, told = run()
    assert status == 2
    assert "The next call goes on from here." in told
    stripe.clear()
    Reconciliation.objects.update(next_attempt_at=NOW())
    sweep()
    reconcile_task(reconciliation_id=Reconciliation.objects.get().pk)
    assert Reconciliation.objects.get().finished_at is not None


def test_a_pass_that_another_worker_holds_is_left_alone(stripe: FakeStripe) -> None:
    paid()
    begun = reconciliation.start(at=NOW())
    Reconciliation.objects.update(next_attempt_at=F("next_attempt_at") + timedelta(minutes=2))
    reconcile_task(reconciliation_id=begun.pk)
    assert Reconciliation.objects.get().compared == 0
    assert run()[0] == 0
    assert Reconciliation.objects.count() == 2


def test_every_night_a_pass_is_started(stripe: FakeStripe) -> None:
    reconcile_nightly()
    reconcile_task(reconciliation_id=Reconciliation.objects.get().pk)
    assert Reconciliation.objects.get().finished_at is not None
