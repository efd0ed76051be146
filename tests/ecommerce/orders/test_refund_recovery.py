from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.utils import timezone

from billing.models import CreditNote, Payment, Refund
from devserver.fake_stripe_server import FakeStripeServer
from ecommerce.models import Order, OrderAct
from ecommerce.orders.cancel import cancel
from ecommerce.orders.fulfill import fulfill
from ecommerce.orders.refund import refund
from ecommerce.orders.refund_quotes import RefundRequest
from ecommerce.orders.refund_recovery import retry_refund, send_again, settle_outside
from ecommerce.orders.return_order import return_order
from ecommerce.orders.selectors import allowed_acts
from tests.support.factories import ANA, make_sku, place_order
from tests.support.order_acts import (
    at_once,
    decided,
    dispute,
    fresh,
    fulfilled,
    kinds,
    paid,
    refused,
    settle,
    sweep_now,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("balanced")]
Ledger = Callable[[], dict[str, Any]]
NOW = timezone.now
BY: dict[str, Any] = {"by": ANA}


def refund_refused(fake_stripe: FakeStripeServer, **fields: Any) -> tuple[Order, str]:
    """Cancel an order whose payment is disputed: Stripe refuses the refund."""
    order = paid(**fields)
    disputed = dispute(fake_stripe, order)
    cancel(order_id=order.pk, reason="Late", at=NOW(), **BY)
    return settle(order), disputed


def refund_failed_later(fake_stripe: FakeStripeServer, order: Order | None = None) -> Order:
    """Cancel an order whose refund Stripe says yes to, and whose bank sends it back."""
    order = order or paid()
    cancel(order_id=order.pk, reason="Late", at=NOW(), **BY)
    assert settle(order).status == "canceled"
    fail(fake_stripe, order)
    return fresh(order)


def fail(fake_stripe: FakeStripeServer, order: Order) -> None:
    refund = Refund.objects.filter(payment__invoice__order=order).latest("pk")
    fake_stripe.post(f"refunds/{refund.stripe_refund_id}/settle", {"status": "failed"})
    Refund.objects.filter(pk=refund.pk).update(closed_at=None, next_attempt_at=NOW())
    sweep_now()


def test_a_refused_cancel_is_tried_again_and_cancels(fake_stripe: FakeStripeServer, ledger: Ledger) -> None:
    make_sku(stock=3)
    order, disputed = refund_refused(fake_stripe)
    decided(fake_stripe, disputed, "won")
    assert {"try_again", "settle_outside"} <= allowed_acts(order)

    again = retry_refund(order_id=order.pk, at=NOW(), **BY)
    assert (again.money_state, again.attention) == ("refund_in_progress", "")
    assert Refund.objects.latest("pk").instead_of == Refund.objects.earliest("pk")
    canceled = settle(order)
    assert (canceled.status, canceled.money_state, canceled.attention) == ("canceled", "", "")
    assert [each["amount"] for each in ledger()["refunds"]] == [1500]


def test_a_refused_return_is_tried_again_and_returns(fake_stripe: FakeStripeServer) -> None:
    order = fulfilled()
    disputed = dispute(fake_stripe, order)
    return_order(order_id=order.pk, reason="", restock=False, at=NOW(), **BY)
    settle(order)
    decided(fake_stripe, disputed, "won")
    retry_refund(order_id=order.pk, at=NOW(), **BY)
    assert (settle(order).status, OrderAct.objects.latest("pk").restock) == ("returned", False)


def test_a_refused_cancel_of_an_order_that_was_sent_since_is_over(fake_stripe: FakeStripeServer) -> None:
    order, _ = refund_refused(fake_stripe)
    fulfill(order_id=order.pk, at=NOW(), despite_attention=True, **BY)
    with refused("no_failed_refund"):
        retry_refund(order_id=order.pk, at=NOW(), **BY)
    with refused("no_failed_refund"):
        settle_outside(order_id=order.pk, note="By cheque", at=NOW(), **BY)


@pytest.mark.django_db(transaction=True)
def test_a_refund_that_failed_later_reopens_nothing_and_its_credit_note_is_void(fake_stripe: FakeStripeServer) -> None:
    order = refund_failed_later(fake_stripe)
    assert (order.status, order.money_state, order.amount_refunded) == ("canceled", "refund_failed", 0)
    assert "expired or canceled card" in order.attention
    assert CreditNote.objects.get().voided_at is not None
    assert order.invoice
    assert order.invoice.amount_refunded == 0


@pytest.mark.django_db(transaction=True)
def test_what_failed_later_is_sent_once_more_and_the_order_stays_canceled(
    fake_stripe: FakeStripeServer, ledger: Ledger
) -> None:
    make_sku(stock=3)
    order = refund_failed_later(fake_stripe)
    retry_refund(order_id=order.pk, at=NOW(), **BY)
    mended = settle(order)
    assert (mended.status, mended.money_state, mended.attention) == ("canceled", "", "")
    assert (mended.amount_refunded, kinds(order).count("canceled")) == (1500, 1)
    assert sorted(each["status"] for each in ledger()["refunds"]) == ["failed", "succeeded"]
    with refused("no_failed_refund"):
        retry_refund(order_id=order.pk, at=NOW(), **BY)


@pytest.mark.django_db(transaction=True)
def test_each_of_two_that_failed_is_made_good_by_its_own(fake_stripe: FakeStripeServer) -> None:
    order = paid(quantity=2)
    for amount in (500, 700):
        refund(order_id=order.pk, request=RefundRequest(amount=amount), reason="", at=NOW(), **BY)
        settle(order)
    for row in Refund.objects.order_by("pk"):
        fake_stripe.post(f"refunds/{row.stripe_refund_id}/settle", {"status": "failed"})
    Refund.objects.update(closed_at=None, next_attempt_at=NOW())
    sweep_now()
    assert (fresh(order).money_state, fresh(order).amount_refunded) == ("refund_failed", 0)

    retry_refund(order_id=order.pk, at=NOW(), **BY)
    assert (settle(order).amount_refunded, fresh(order).money_state) == (700, "refund_failed")
    retry_refund(order_id=order.pk, at=NOW(), **BY)
    assert (settle(order).amount_refunded, fresh(order).money_state) == (1200, "")


@pytest.mark.django_db(transaction=True)
def test_a_failed_refund_is_settled_outside_stripe_with_a_note(fake_stripe: FakeStripeServer, ledger: Ledger) -> None:
    order = refund_failed_later(fake_stripe)
    settled = settle_outside(order_id=order.pk, note="By bank transfer, 23 November", at=NOW(), **BY)

    assert (settled.status, settled.money_state, settled.attention) == ("canceled", "", "")
    outside = Refund.objects.get(settled_outside=True)
    assert (outside.amount, outside.note, outside.by_label) == (1500, "By bank transfer, 23 November", "Ana")
    assert (fresh(order).amount_refunded, kinds(order)[-1]) == (1500, "settled_outside")
    assert [each["status"] for each in ledger()["refunds"]] == ["failed"]


def test_a_refused_cancel_settled_outside_cancels_the_order(fake_stripe: FakeStripeServer) -> None:
    make_sku(stock=3)
    order, disputed = refund_refused(fake_stripe)
    decided(fake_stripe, disputed, "lost")
    settled = settle_outside(order_id=order.pk, note="Lost to the bank", at=NOW(), **BY)
    assert (settled.status, settled.amount_refunded, settled.attention) == ("canceled", 1500, "")


def test_a_refused_part_settled_outside_leaves_the_order_paid(fake_stripe: FakeStripeServer) -> None:
    order = paid()
    dispute(fake_stripe, order)
    refund(order_id=order.pk, request=RefundRequest(amount=400), reason="", at=NOW(), **BY)
    settle(order)
    settled = settle_outside(order_id=order.pk, note="Cash", at=NOW(), **BY)
    assert (settled.status, settled.amount_refunded, settled.money_state) == ("paid", 400, "")


def test_settling_outside_wants_a_note_and_something_to_settle(fake_stripe: FakeStripeServer) -> None:
    order = paid()
    with refused("no_failed_refund"):
        settle_outside(order_id=order.pk, note="Cash", at=NOW(), **BY)
    with refused("note_required"):
        settle_outside(order_id=order.pk, note="  ", at=NOW(), **BY)
    with refused("nothing_to_send"):
        send_again(order_id=order.pk, at=NOW(), **BY)


def unsent(fake_stripe: FakeStripeServer) -> Order:
    """Cancel an order whose refund Stripe has not heard of after 23 hours."""
    order = paid()
    fake_stripe.faults({"match": "POST /v1/refunds", "fault": "drop_before", "times": 1})
    cancel(order_id=order.pk, reason="Late", at=NOW(), **BY)
    settle(order)
    Refund.objects.update(first_sent_at=NOW() - timedelta(hours=24))
    sweep_now()
    return fresh(order)


@pytest.mark.django_db(transaction=True)
def test_after_23_hours_a_refund_is_sent_again_by_a_person_alone(fake_stripe: FakeStripeServer, ledger: Ledger) -> None:
    order = unsent(fake_stripe)
    sweep_now()
    assert ("23 hours" in order.attention, order.status, ledger()["refunds"]) == (True, "paid", [])
    assert allowed_acts(order) == {"send_again", "settle_outside"}
    with refused("in_progress"):
        retry_refund(order_id=order.pk, at=NOW(), **BY)

    assert send_again(order_id=order.pk, at=NOW(), **BY).attention == ""
    assert settle(order).status == "canceled"
    assert len(ledger()["refunds"]) == 1


@pytest.mark.django_db(transaction=True)
def test_sending_again_by_two_at_once_sends_once(fake_stripe: FakeStripeServer, ledger: Ledger) -> None:
    order = unsent(fake_stripe)
    came = at_once(*[partial(send_again, order_id=order.pk, at=NOW(), **BY)] * 5)
    settle(order)
    assert sorted(came) == ["done", *["nothing_to_send"] * 4]
    assert len(ledger()["refunds"]) == 1


@pytest.mark.django_db(transaction=True)
def test_an_unsent_refund_is_settled_outside_and_cancels(fake_stripe: FakeStripeServer, ledger: Ledger) -> None:
    order = unsent(fake_stripe)
    settled = settle_outside(order_id=order.pk, note="Cash", at=NOW(), **BY)
    sweep_now()
    assert (settled.status, settled.money_state, settled.attention, ledger()["refunds"]) == ("canceled", "", "", [])


@pytest.mark.django_db(transaction=True)
def test_an_unsent_charge_is_sent_again(fake_stripe: FakeStripeServer, ledger: Ledger) -> None:
    fake_stripe.faults({"match": "POST /v1/payment_intents", "fault": "drop_before", "times": 1})
    order = place_order()
    Payment.objects.update(first_sent_at=NOW() - timedelta(hours=24))
    sweep_now()
    assert allowed_acts(fresh(order)) == {"send_again"}
    send_again(order_id=order.pk, at=NOW(), **BY)
    assert settle(order).status == "paid"
    assert len(ledger()["payment_intents"]) == 1


@pytest.mark.django_db(transaction=True)
def test_trying_again_by_two_at_once_sends_once(fake_stripe: FakeStripeServer, ledger: Ledger) -> None:
    order = refund_failed_later(fake_stripe)
    came = at_once(*[partial(retry_refund, order_id=order.pk, at=NOW(), **BY)] * 5)
    settle(order)
    assert sorted(came) == ["done", *["in_progress"] * 4]
    assert [each["status"] for each in ledger()["refunds"]].count("succeeded") == 1


@pytest.mark.django_db(transaction=True)
def test_settling_outside_by_two_at_once_is_recorded_once(fake_stripe: FakeStripeServer) -> None:
    order = refund_failed_later(fake_stripe)
    came = at_once(*[partial(settle_outside, order_id=order.pk, note="Cash", at=NOW(), **BY)] * 5)
    assert sorted(came) == ["done", *["no_failed_refund"] * 4]
    assert Refund.objects.filter(settled_outside=True).count() == 1
