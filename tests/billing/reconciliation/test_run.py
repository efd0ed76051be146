import io
from datetime import timedelta
from typing import Any
from uuid import uuid4

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
from devserver.fake_stripe_server import FakeStripeServer
from ecommerce.orders.apply_results import apply_results
from ecommerce.orders.cancel import cancel
from ecommerce.orders.refund import refund
from ecommerce.orders.refund_quotes import RefundRequest
from ecommerce.tasks import sweep
from tests.support.admin import numbers, viewer
from tests.support.books import differences
from tests.support.factories import ANA, place_order
from tests.support.order_acts import by_hand, fresh, paid, payment_of, settle, sweep_now

pytestmark = pytest.mark.django_db
NOW = timezone.now
Kind = Difference.Kind


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch, empty_stripe: FakeStripeServer) -> None:
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
    """Give what differs at Stripe; our own books have tests of their own."""
    listed = Difference.objects.filter(resolved_at=None).exclude(kind=Kind.OWN_BOOKS).order_by("pk")
    return list(listed.values_list("kind", "stripe_id"))


def charge(**fields: Any) -> gateway.PaymentIntent:
    """Charge somebody at Stripe, past our own doors."""
    known: Any = {"amount": 700, "currency": "usd", "confirm": True, "payment_method": "pm_card_visa"}
    known["metadata"] = {"payment": str(uuid4())}
    known |= {"allowed_payment_method_types": ["card"]} | fields
    return gateway.create_intent(params=known, key=f"past-us-{fields}")


def test_books_that_agree_say_so(empty_stripe: FakeStripeServer) -> None:
    canceled = paid()
    cancel(order_id=canceled.pk, reason="", by=ANA, at=NOW())
    settle(canceled)
    place_order(token="pm_card_chargeDeclined")
    place_order(token="pm_card_authenticationRequired")
    part = paid()
    refund(order_id=part.pk, request=RefundRequest(amount=300), reason="", by=ANA, at=NOW())
    settle(part)

    assert run() == (0, "6 compared, 0 settled, 0 differ.\n")
    assert ComparedObject.objects.count() == 0


def test_a_charge_whose_response_got_lost_is_settled(empty_stripe: FakeStripeServer) -> None:
    empty_stripe.faults({"match": "POST /v1/payment_intents", "fault": "drop_after", "times": 1})
    order = place_order()
    assert fresh(order).money_state == "payment_processing"
    assert run() == (0, "1 compared, 1 settled, 0 differ.\n")
    assert (fresh(order).status, str(payment_of(order).card)) == ("paid", "Visa •••• 4242")
    assert differences(empty_stripe.ledger()) == []


def test_a_refund_whose_response_got_lost_and_one_made_by_hand_are_settled(empty_stripe: FakeStripeServer) -> None:
    order, other = paid(), paid()
    cancel(order_id=order.pk, reason="", by=ANA, at=NOW())
    empty_stripe.faults({"match": "POST /v1/refunds", "fault": "drop_after", "times": 1})
    settle(order)
    by_hand(other, 400)
    assert run() == (0, "4 compared, 2 settled, 0 differ.\n")
    assert (fresh(order).status, fresh(other).amount_refunded) == ("canceled", 400)
    assert differences(empty_stripe.ledger()) == []


def test_a_refund_that_failed_without_a_webhook_is_settled(empty_stripe: FakeStripeServer) -> None:
    order = paid()
    cancel(order_id=order.pk, reason="", by=ANA, at=NOW())
    settle(order)
    empty_stripe.post(f"refunds/{Refund.objects.get().stripe_refund_id}/settle", {"status": "failed"})
    assert run() == (0, "2 compared, 1 settled, 0 differ.\n")
    assert (fresh(order).status, fresh(order).money_state) == ("canceled", "refund_failed")


@pytest.mark.django_db(transaction=True)
def test_a_late_success_that_went_back_is_fine(empty_stripe: FakeStripeServer) -> None:
    empty_stripe.faults({"match": "POST /v1/payment_intents", "fault": "drop_after", "times": 1})
    order = place_order()
    payment = payment_of(order)
    apply_results(results=[PaymentResult(payment_id=payment.pk, status=Payment.Status.FAILED, message="No.")], at=NOW())
    cancel(order_id=order.pk, reason="", by=ANA, at=NOW())
    assert run() == (0, "1 compared, 1 settled, 0 differ.\n")
    sweep_now()
    assert run() == (0, "2 compared, 0 settled, 0 differ.\n")
    assert [each["status"] for each in empty_stripe.ledger()["refunds"]] == ["succeeded"]


def test_a_charge_that_is_not_here_is_listed_each_night(empty_stripe: FakeStripeServer) -> None:
    intent = charge()
    status, told = run()
    assert (status, found()) == (1, [(Kind.CHARGE_UNKNOWN, intent.id)])
    assert f"Stripe took USD 7.00 ({intent.id}) that no payment here knows of." in told

    assert run()[0] == 1
    (listed,) = Difference.objects.all()
    assert listed.found_at < listed.seen_at

    # One object, one difference; refunded at Stripe, it ends.
    gateway.create_refund(params={"payment_intent": intent.id}, key="back")
    assert run()[0] == 0
    (listed,) = Difference.objects.all()
    assert (listed.outcome, listed.ended_by) == ("refunded", "Stripe")
    assert run()[0] == 0
    assert Difference.objects.count() == 1


def test_a_charge_in_a_currency_that_is_not_sold_in_is_listed(empty_stripe: FakeStripeServer) -> None:
    charge(currency="bgn")
    assert "700 BGN in its smallest unit" in run()[1]


def test_a_second_charge_for_one_payment_is_listed_at_its_order(empty_stripe: FakeStripeServer) -> None:
    order = paid()
    again = charge(metadata={"payment": str(payment_of(order).uuid)})
    assert run()[0] == 1
    assert found() == [(Kind.CHARGE_TWICE, again.id)]
    assert f"for order {order.number} once more" in fresh(order).attention
    assert numbers(viewer(), "?attention=1") == [order.number]
    assert fresh(order).status == "paid"


def test_a_payment_that_stripe_has_not_is_listed_until_it_is_put_right(empty_stripe: FakeStripeServer) -> None:
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


def test_a_refund_that_stripe_has_not_is_listed(empty_stripe: FakeStripeServer) -> None:
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


def test_what_was_settled_outside_stripe_is_not_missing_there(empty_stripe: FakeStripeServer) -> None:
    known = {
        "payment": payment_of(paid()),
        "amount": 100,
        "currency": "usd",
        "status": "succeeded",
        "next_attempt_at": None,
    }
    Refund.objects.create(**known, settled_outside=True, closed_at=NOW(), **ANA.columns)
    run()
    assert found() == []


def test_amounts_and_ends_that_differ_are_listed(empty_stripe: FakeStripeServer) -> None:
    wrong, undone = paid(), paid()
    refund(order_id=wrong.pk, request=RefundRequest(amount=300), reason="", by=ANA, at=NOW())
    settle(wrong)
    Refund.objects.update(amount=200)
    Payment.objects.filter(pk=payment_of(undone).pk).update(amount=1600)
    status, told = run()
    assert (status, sorted(kind for kind, _ in found())) == (1, [Kind.CHARGE_DIFFERS, Kind.REFUND_DIFFERS])
    assert "is USD 16.00, succeeded here; at Stripe it is USD 15.00, succeeded." in told
    assert "is USD 2.00, succeeded here; at Stripe it is USD 3.00, succeeded." in told


def test_a_payment_that_did_not_succeed_at_stripe_is_listed(empty_stripe: FakeStripeServer) -> None:
    order = place_order(token="pm_card_authenticationRequired")
    intent = payment_of(order).stripe_payment_intent_id
    apply_results(results=[PaymentResult(payment_id=payment_of(order).pk, status=Payment.Status.SUCCEEDED)], at=NOW())
    assert run()[0] == 1
    assert found() == [(Kind.CHARGE_DIFFERS, intent)]


def test_what_comes_into_being_meanwhile_is_not_missing(empty_stripe: FakeStripeServer) -> None:
    order = paid()
    begun = reconciliation.start()
    Reconciliation.objects.update(phase=Reconciliation.Phase.OUR_PAYMENTS)
    refund(order_id=order.pk, request=RefundRequest(amount=100), reason="", by=ANA, at=NOW())
    settle(order)
    reconcile_task(reconciliation_id=begun.pk)
    begun.refresh_from_db()
    assert begun.finished_at is not None
    assert found() == []


def test_it_goes_on_from_the_page_where_it_was_left(
    empty_stripe: FakeStripeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("billing.reconciliation.records.PAGE", 2)
    monkeypatch.setattr(gateway, "PAGE", 2)
    for _ in range(5):
        paid()
    begun = reconciliation.start()
    reconciliation._compare_page(begun)
    Reconciliation.objects.update(next_attempt_at=F("next_attempt_at") - timedelta(minutes=3))
    left = reconciliation.start()
    assert (left.pk, left.compared, left.phase) == (begun.pk, 2, "charges")
    Reconciliation.objects.update(next_attempt_at=NOW())
    assert run() == (0, "5 compared, 0 settled, 0 differ.\n")
    assert Reconciliation.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_with_stripe_away_it_says_so_and_goes_on_later(empty_stripe: FakeStripeServer) -> None:
    paid()
    empty_stripe.faults({"match": "GET /v1/payment_intents", "fault": "status", "status": 503})
    status, told = run()
    assert status == 2
    assert "The next call goes on from here." in told
    empty_stripe.clear()
    Reconciliation.objects.update(next_attempt_at=NOW())
    sweep()
    reconcile_task(reconciliation_id=Reconciliation.objects.get().pk)
    assert Reconciliation.objects.get().finished_at is not None


def test_a_pass_that_another_worker_holds_is_left_alone(empty_stripe: FakeStripeServer) -> None:
    paid()
    begun = reconciliation.start()
    Reconciliation.objects.update(next_attempt_at=F("next_attempt_at") + timedelta(minutes=2))
    reconcile_task(reconciliation_id=begun.pk)
    assert Reconciliation.objects.get().compared == 0
    assert run()[0] == 0
    assert Reconciliation.objects.count() == 2


def test_every_night_a_pass_is_started(empty_stripe: FakeStripeServer) -> None:
    reconcile_nightly()
    reconcile_task(reconciliation_id=Reconciliation.objects.get().pk)
    assert Reconciliation.objects.get().finished_at is not None


def since(moment: str) -> tuple[int, str]:
    out = io.StringIO()
    try:
        call_command("reconcile", "--since", moment, stdout=out)
    except CommandError as error:
        return error.returncode, out.getvalue()
    return 0, out.getvalue()


def test_a_limited_pass_reads_what_was_created_since_and_what_is_open(empty_stripe: FakeStripeServer) -> None:
    paid()
    intent = charge()
    assert run()[0] == 1
    tomorrow = (NOW() + timedelta(days=1)).isoformat()
    status, told = since(tomorrow)
    assert (status, "0 compared, 0 settled, 1 differ." in told) == (1, True)
    gateway.create_refund(params={"payment_intent": intent.id}, key="back")
    assert since(tomorrow)[0] == 0
    assert since("2020-01-01") == (0, "3 compared, 1 settled, 0 differ.\n")
    with pytest.raises(CommandError, match="is no date"):
        call_command("reconcile", "--since", "yesterday")


def test_a_limited_pass_finds_what_is_missing_at_stripe(empty_stripe: FakeStripeServer) -> None:
    paid()
    Payment.objects.update(stripe_payment_intent_id="pi_invented", uuid=uuid4())
    assert since("2020-01-01")[0] == 1
    assert (Kind.CHARGE_MISSING, "pi_invented") in found()
    assert since((NOW() + timedelta(days=1)).isoformat())[0] == 1
    assert (Kind.CHARGE_MISSING, "pi_invented") in found()


def test_a_night_looks_at_what_changed_and_each_week_at_everything(empty_stripe: FakeStripeServer) -> None:
    paid()
    first = reconciliation.start_nightly()
    assert first.since is None
    reconcile_task(reconciliation_id=first.pk)
    first.refresh_from_db()
    assert first.newest_at is not None
    second = reconciliation.start_nightly()
    assert (second.pk != first.pk, second.since) == (True, first.newest_at - reconciliation.OVERLAP)
    Reconciliation.objects.update(started_at=NOW() - timedelta(days=8), finished_at=NOW())
    assert reconciliation.start_nightly().since is None


def odd_listing(monkeypatch: pytest.MonkeyPatch, listing: str, **odd: Any) -> None:
    """Have Stripe's list answer its first row oddly."""
    service = getattr(gateway.client().v1, listing)
    real = service.list

    def answered(params: Any) -> Any:
        page = real(params)
        for name, value in odd.items() if page.data else ():
            object.__setattr__(page.data[0], name, value)
        return page

    monkeypatch.setattr(service, "list", answered)


@pytest.mark.parametrize("odd", [{"id": ""}, {"id": None}, {"currency": None}, {"amount": None}, {"metadata": 7}])
@pytest.mark.parametrize("listing", ["payment_intents", "refunds"])
def test_a_row_that_can_not_be_judged_stops_nothing(
    empty_stripe: FakeStripeServer, monkeypatch: pytest.MonkeyPatch, listing: str, odd: dict[str, Any]
) -> None:
    for _ in range(2):
        by_hand(paid(), 400)
    intent = charge()
    run()
    for _ in range(2):
        Difference.objects.all().delete()
        with monkeypatch.context() as patch:
            odd_listing(patch, listing, **odd)
            status, _said = run()
        assert status == 1
        assert Kind.NOT_JUDGED in {kind for kind, _key in found()}
        # The unknown charge is the newest, so that it is itself the odd one among the charges.
        assert listing == "payment_intents" or (Kind.CHARGE_UNKNOWN, intent.id) in found()
    run()
    assert found() == [(Kind.CHARGE_UNKNOWN, intent.id)]


@pytest.mark.parametrize("stripe_id", ["", "pi_/../customers", " "])
def test_an_odd_row_of_ours_stops_nothing(empty_stripe: FakeStripeServer, stripe_id: str) -> None:
    order, other = paid(), paid()
    Payment.objects.filter(pk=payment_of(order).pk).update(stripe_payment_intent_id=stripe_id)
    Payment.objects.filter(pk=payment_of(other).pk).update(stripe_payment_intent_id="pi_invented", uuid=uuid4())
    assert run()[0] == 1
    assert run()[0] == 1
    assert (Kind.CHARGE_MISSING, "pi_invented") in found()


def test_the_charge_of_an_old_payment_is_noted_so_that_it_is_found(empty_stripe: FakeStripeServer) -> None:
    payment = payment_of(paid())
    known = payment.stripe_charge_id
    Payment.objects.update(stripe_charge_id="")
    assert run() == (0, "1 compared, 0 settled, 0 differ.\n")
    assert known.startswith("ch_")
    assert payment_of(paid()).stripe_charge_id != known == Payment.objects.get(pk=payment.pk).stripe_charge_id
