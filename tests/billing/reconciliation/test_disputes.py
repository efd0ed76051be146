"""Disputes at Stripe beside ours: missing on either side, another status, another shop's."""

from collections.abc import Callable

import pytest

from billing.gateway_types import StripeDispute
from billing.models import Difference, Payment
from billing.reconciliation import disputes
from billing.reconciliation.checks import Mismatch
from devserver.fake_stripe_server import FakeStripeServer
from tests.billing.reconciliation.test_run import charge, found, impatient, run
from tests.support.order_acts import fresh, paid, payment_of

__all__ = ["impatient"]  # a fixture
pytestmark = pytest.mark.django_db
Kind = Difference.Kind


def dispute(empty_stripe: FakeStripeServer, intent_id: str | None) -> str:
    return str(empty_stripe.post("disputes", {"payment_intent": intent_id})["id"])


def test_a_dispute_whose_event_never_came_is_settled_and_so_is_its_end(empty_stripe: FakeStripeServer) -> None:
    order = paid()
    stripe_id = dispute(empty_stripe, payment_of(order).stripe_payment_intent_id)
    assert run() == (0, "2 compared, 1 settled, 0 differ.\n")
    assert fresh(order).money_state == "disputed"
    empty_stripe.post(f"disputes/{stripe_id}/close", {"status": "won"})
    assert run() == (0, "2 compared, 1 settled, 0 differ.\n")
    assert (fresh(order).money_state, payment_of(order).dispute) == ("", "won")


def test_a_dispute_that_stripe_does_not_have_differs_until_it_is_ended(empty_stripe: FakeStripeServer) -> None:
    order = paid()
    Payment.objects.filter(pk=payment_of(order).pk).update(stripe_dispute_id="dp_nowhere", dispute="won")
    status, said = run()
    assert (status, found()) == (1, [(Kind.DISPUTE_MISSING, "dp_nowhere")])
    assert f"Dispute dp_nowhere of order {order.number} is here; Stripe has no record of it." in said
    Payment.objects.update(stripe_dispute_id="", dispute="")
    assert (run()[0], found()) == (0, [])


def test_another_status_that_could_not_be_settled_differs(
    empty_stripe: FakeStripeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = paid()
    stripe_id = dispute(empty_stripe, payment_of(order).stripe_payment_intent_id)
    monkeypatch.setattr("billing.stripe_state.fetch_dispute", lambda _id: [])
    assert (run()[0], found()) == (1, [(Kind.DISPUTE_UNKNOWN, stripe_id)])
    Payment.objects.update(stripe_dispute_id=stripe_id, dispute="lost")
    status, said = run()
    assert (status, found()) == (1, [(Kind.DISPUTE_DIFFERS, stripe_id)])
    assert "is lost here; at Stripe it is needs response." in said
    monkeypatch.undo()


def test_a_dispute_of_another_shop_is_not_ours(empty_stripe: FakeStripeServer) -> None:
    paid()
    dispute(empty_stripe, charge(metadata={}).id)
    assert run() == (0, "1 compared, 0 settled, 2 not ours, 0 differ.\n")


def test_an_odd_dispute_is_a_difference_of_its_own_and_the_run_goes_on(
    empty_stripe: FakeStripeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders = [paid(), paid()]
    ids = [dispute(empty_stripe, payment_of(order).stripe_payment_intent_id) for order in orders]
    # As if Stripe named a charge that is ours, and a status that is no text.
    monkeypatch.setattr("billing.reconciliation.disputes._compare", odd_for(ids[0]))
    assert (run()[0], found()) == (1, [(Kind.NOT_JUDGED, ids[0])])
    assert fresh(orders[1]).money_state == "disputed"


def odd_for(odd_id: str) -> Callable[[StripeDispute, Payment], Mismatch | None]:
    compare = disputes._compare

    def compare_or_break(dispute: StripeDispute, payment: Payment) -> Mismatch | None:
        if dispute.id == odd_id:
            raise TypeError("odd")
        return compare(dispute, payment)

    return compare_or_break
