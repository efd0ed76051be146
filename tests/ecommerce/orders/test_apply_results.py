from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.utils import timezone

from backoffice.leases import LEASE
from billing import gateway, refunds, stripe_state
from billing.models import CreditNote, Invoice, Payment, Refund
from billing.results import PaymentResult, RefundResult, StripeResult
from devserver.fake_stripe_server import FakeStripeServer
from ecommerce.models import Order, OrderAct
from ecommerce.orders.apply_results import apply_results
from ecommerce.orders.cancel import cancel
from ecommerce.orders.pay import confirm, pay
from ecommerce.orders.refund import refund
from ecommerce.orders.refund_quotes import RefundRequest
from ecommerce.orders.refund_recovery import settle_outside
from ecommerce.orders.return_order import return_order
from tests.support.factories import ANA, make_customer, make_sku, place_order
from tests.support.order_acts import (
    at_once,
    by_hand,
    fresh,
    fulfilled,
    kinds,
    paid,
    payment_of,
    settle,
    sweep_now,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("balanced")]
Ledger = Callable[[], dict[str, Any]]
NOW = timezone.now


def apply_each(results: list[Any]) -> None:
    for result in results:
        apply_results(results=[result], at=NOW())


def apply_from_stripe(order: Order) -> None:
    """Apply what Stripe says now of an order's payments and refunds."""
    for payment in Payment.objects.filter(invoice__order=order).exclude(stripe_payment_intent_id=None):
        apply_each(stripe_state.fetch_intent(payment.stripe_payment_intent_id or ""))
        apply_each(stripe_state.fetch_refunds_of_intent(payment.stripe_payment_intent_id or ""))


def given_up(fake_stripe: FakeStripeServer, **fields: Any) -> Order:
    """Place an order whose payment was given up here, and took the money at Stripe all the same."""
    fake_stripe.faults({"match": "POST /v1/payment_intents", "fault": "drop_after", "times": 1})
    order = place_order(**fields)
    payment = payment_of(order)
    apply_results(
        results=[PaymentResult(payment_id=payment.pk, status=Payment.Status.FAILED, message="Given up.")], at=NOW()
    )
    assert fresh(order).money_state == "payment_failed"
    return fresh(order)


def intent_of(order: Order) -> str:
    """Give the id of the intent that Stripe has of an order's last payment."""
    payment = payment_of(order)
    customer = payment.invoice.customer.stripe_customer_id or ""
    found = gateway.list_intents(customer)
    return next(each.id for each in found if each.metadata["payment"] == str(payment.uuid))


def test_a_late_success_is_adopted_while_the_order_is_unpaid(fake_stripe: FakeStripeServer, ledger: Ledger) -> None:
    make_sku(stock=1)
    order = given_up(fake_stripe)
    apply_each(stripe_state.fetch_intent(intent_of(order)))

    assert (fresh(order).status, fresh(order).money_state, fresh(order).attention) == ("paid", "", "")
    assert payment_of(order).card is not None
    assert (kinds(order)[-2:], ledger()["refunds"]) == (["payment_adopted", "paid"], [])


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("why", ["canceled", "out of stock", "paid by another"])
def test_a_late_success_of_a_canceled_order_is_refunded_by_itself(
    fake_stripe: FakeStripeServer, ledger: Ledger, why: str
) -> None:
    make_sku(stock=1)
    order = given_up(fake_stripe)
    late = intent_of(order)
    if why == "canceled":
        cancel(order_id=order.pk, reason="", by=ANA, at=NOW())
    elif why == "out of stock":
        paid(customer=make_customer("eve@example.com"))
    else:
        pay(order_id=order.pk, by=ANA, at=NOW(), token="pm_card_visa")
    before = fresh(order).status
    apply_each(stripe_state.fetch_intent(late))
    apply_each(stripe_state.fetch_intent(late))

    assert "given up" in fresh(order).attention
    sweep_now()
    after = fresh(order)
    assert (after.status, after.attention, after.amount_refunded) == (before, "", 0)
    assert [(each["amount"], each["payment_intent"]) for each in ledger()["refunds"]] == [(1500, late)]
    assert {"auto_refund", "refunded"} <= set(kinds(order))
    apply_each(stripe_state.fetch_intent(late))
    assert (Refund.objects.count(), fresh(order).status) == (1, before)


@pytest.mark.django_db(transaction=True)
def test_a_late_success_that_went_back_is_not_adopted_when_stock_is_there_again(fake_stripe: FakeStripeServer) -> None:
    sku = make_sku(stock=1)
    order = given_up(fake_stripe)
    late = intent_of(order)
    paid(customer=make_customer("eve@example.com"))
    apply_each(stripe_state.fetch_intent(late))
    type(sku).objects.update(inventory_quantity=5)
    apply_each(stripe_state.fetch_intent(late))
    sweep_now()
    assert fresh(order).status == "created"


@pytest.mark.django_db(transaction=True)
def test_money_that_could_not_go_back_by_itself_is_left_to_people(fake_stripe: FakeStripeServer) -> None:
    order = given_up(fake_stripe)
    late = intent_of(order)
    cancel(order_id=order.pk, reason="", by=ANA, at=NOW())
    apply_each(stripe_state.fetch_intent(late))
    fake_stripe.post("disputes", {"payment_intent": late})
    sweep_now()
    assert (fresh(order).status, fresh(order).money_state) == ("canceled", "refund_failed")
    assert "charged back" in fresh(order).attention
    # It took the money, nobody has it back, and the books say so until a person settles it.
    settled = settle_outside(order_id=order.pk, note="Left to the bank", by=ANA, at=NOW())
    assert (settled.money_state, settled.attention, settled.amount_refunded) == ("", "", 0)


def test_a_partial_refund_by_hand_gets_its_row_once(ledger: Ledger) -> None:
    order = paid()
    hand = by_hand(order, 400)
    apply_from_stripe(order)
    apply_from_stripe(order)
    row = Refund.objects.get()
    assert (row.stripe_refund_id, row.amount, row.by_kind, row.status) == (hand, 400, "stripe", "succeeded")
    assert (fresh(order).status, fresh(order).amount_refunded, CreditNote.objects.get().amount) == ("paid", 400, 400)


def test_all_refunded_by_hand_changes_no_status_and_says_what_to_do() -> None:
    bought, sent = paid(), fulfilled()
    for order in (bought, sent):
        by_hand(order, 1500)
        apply_from_stripe(order)
    assert (fresh(bought).status, fresh(bought).attention) == ("paid", "All of it was refunded: cancel the order.")
    assert fresh(sent).attention == "All of it was refunded: return the order."
    assert return_order(order_id=sent.pk, reason="", restock=True, by=ANA, at=NOW()).attention == ""
    assert cancel(order_id=bought.pk, reason="", by=ANA, at=NOW()).attention == ""


@pytest.mark.django_db(transaction=True)
def test_a_partial_refund_by_hand_during_our_full_one_is_taken_as_done_and_the_rest_is_sent(ledger: Ledger) -> None:
    order = paid()
    cancel(order_id=order.pk, reason="", by=ANA, at=NOW())
    by_hand(order, 400)
    with pytest.raises(refunds.RetryLater, match="Stripe sent back"):
        apply_from_stripe(order)
    waiting = settle(order)
    assert (waiting.status, waiting.money_state, waiting.amount_refunded) == ("paid", "refund_in_progress", 400)
    sweep_now()
    assert (fresh(order).status, fresh(order).amount_refunded, fresh(order).attention) == ("canceled", 1500, "")
    assert [each["amount"] for each in ledger()["refunds"]] == [400, 1100]


@pytest.mark.django_db(transaction=True)
def test_the_whole_by_hand_heard_during_our_own_refund_is_ours(ledger: Ledger) -> None:
    order = paid()
    cancel(order_id=order.pk, reason="", by=ANA, at=NOW())
    by_hand(order, 1500)
    apply_from_stripe(order)
    assert (fresh(order).status, Refund.objects.count()) == ("canceled", 1)
    sweep_now()
    assert len(ledger()["refunds"]) == 1


def test_a_refund_by_hand_of_an_unknown_payment_is_applied_after_it(fake_stripe: FakeStripeServer) -> None:
    order = place_order(token="pm_card_authenticationRequired")
    fake_stripe.post(f"3ds/{payment_of(order).stripe_payment_intent_id}", {"outcome": "complete"})
    hand = by_hand(order, 300)
    assert fresh(order).status == "created"
    apply_each(stripe_state.fetch_refund(hand))
    assert (fresh(order).status, fresh(order).amount_refunded) == ("paid", 300)


@pytest.mark.django_db(transaction=True)
def test_a_refund_answered_elsewhere_first_is_finished_once() -> None:
    order = paid()
    refund(order_id=order.pk, request=RefundRequest(amount=300), reason="", by=ANA, at=NOW())
    row = Refund.objects.get()
    made = gateway.create_refund(params=row.params, key=row.idempotency_key)
    apply_each(stripe_state.fetch_refund(made.id))
    assert (fresh(order).amount_refunded, OrderAct.objects.filter(closed_at=None).count()) == (300, 0)
    sweep_now()
    apply_each(stripe_state.fetch_refund(made.id))
    assert (fresh(order).amount_refunded, CreditNote.objects.count()) == (300, 1)


def test_a_result_older_than_the_present_state_changes_nothing(fake_stripe: FakeStripeServer) -> None:
    order = paid()
    refund(order_id=order.pk, request=RefundRequest(amount=300), reason="", by=ANA, at=NOW())
    settle(order)
    stale = stripe_state.fetch_refund(Refund.objects.get().stripe_refund_id or "")
    fake_stripe.post(f"refunds/{Refund.objects.get().stripe_refund_id}/settle", {"status": "failed"})
    apply_from_stripe(order)
    assert (fresh(order).money_state, Refund.objects.get().status) == ("refund_failed", "failed")
    apply_each(stale)
    assert (fresh(order).amount_refunded, Refund.objects.get().status) == (0, "failed")


@pytest.mark.django_db(transaction=True)
def test_one_answer_heard_by_many_at_once_is_finished_once() -> None:
    order = place_order(token="pm_card_authenticationRequired")
    intent = gateway.cancel_intent(payment_of(order).stripe_payment_intent_id or "")
    answers = stripe_state.intent_results(intent)
    assert at_once(*[partial(apply_results, results=answers, at=NOW())] * 8) == ["done"] * 8
    assert (fresh(order).status, kinds(order).count("payment_failed")) == ("created", 1)


@pytest.mark.django_db(transaction=True)
def test_many_answers_are_finished_together_and_one_that_breaks_breaks_alone(ledger: Ledger) -> None:
    orders = [paid() for _ in range(3)]
    for order in orders:
        refund(order_id=order.pk, request=RefundRequest(amount=300), reason="", by=ANA, at=NOW())
    rows = list(Refund.objects.select_related("payment").order_by("pk"))
    answers: list[StripeResult] = []
    for row in rows:
        made = gateway.create_refund(params=row.params, key=row.idempotency_key)
        answers.append(
            RefundResult(payment_id=row.payment_id, refund_id=row.pk, status=row.Status.SUCCEEDED, stripe_id=made.id)
        )
    Invoice.objects.filter(order=orders[1]).update(amount_refunded=1500)
    apply_results(results=answers, at=NOW())
    assert [fresh(order).amount_refunded for order in orders] == [300, 0, 300]

    Invoice.objects.filter(order=orders[1]).update(amount_refunded=0)
    sweep_now()
    assert fresh(orders[1]).amount_refunded == 300


@pytest.mark.django_db(transaction=True)
def test_batches_of_orders_with_the_same_stock_do_not_block_each_other() -> None:
    first, second = make_sku("A", stock=100), make_sku("B", stock=100)
    batches: list[list[StripeResult]] = [[], []]
    for number in range(12):
        order = paid(sku=(first, second)[number % 2])
        cancel(order_id=order.pk, reason="", by=ANA, at=NOW())
        row = Refund.objects.latest("pk")
        made = gateway.create_refund(params=row.params, key=row.idempotency_key)
        answer = RefundResult(
            payment_id=row.payment_id, refund_id=row.pk, status=row.Status.SUCCEEDED, stripe_id=made.id
        )
        batches[(number // 2) % 2].append(answer)
    at_once(
        partial(apply_results, results=batches[0], at=NOW()), partial(apply_results, results=batches[1][::-1], at=NOW())
    )
    assert Order.objects.filter(status="canceled").count() == 12
    first.refresh_from_db()
    assert first.inventory_quantity == 100


def test_a_dispute_is_noted_until_it_is_won(fake_stripe: FakeStripeServer) -> None:
    order = paid()
    dispute = fake_stripe.post("disputes", {"payment_intent": payment_of(order).stripe_payment_intent_id})["id"]
    apply_each(stripe_state.fetch_dispute(dispute))
    apply_each(stripe_state.fetch_dispute(dispute))
    assert (fresh(order).status, fresh(order).money_state) == ("paid", "disputed")
    assert "disputes this payment (fraudulent)" in fresh(order).attention
    assert payment_of(order).disputed_at is not None

    fake_stripe.post(f"disputes/{dispute}/close", {"status": "won"})
    apply_each(stripe_state.fetch_dispute(dispute))
    assert (fresh(order).money_state, fresh(order).attention, payment_of(order).disputed_at) == ("", "", None)
    assert kinds(order)[-2:] == ["disputed", "dispute_won"]


def test_a_dispute_that_was_lost_stays_noted(fake_stripe: FakeStripeServer) -> None:
    order = paid()
    dispute = fake_stripe.post("disputes", {"payment_intent": payment_of(order).stripe_payment_intent_id})["id"]
    opened = stripe_state.fetch_dispute(dispute)
    fake_stripe.post(f"disputes/{dispute}/close", {"status": "lost"})
    apply_each(stripe_state.fetch_dispute(dispute))
    apply_each(opened)
    assert (fresh(order).money_state, kinds(order).count("dispute_lost"), kinds(order).count("disputed")) == (
        *("disputed", 1, 0),
    )
    assert "was lost" in fresh(order).attention


def test_a_dispute_and_a_failed_refund_both_need_attention(fake_stripe: FakeStripeServer) -> None:
    order = paid()
    dispute = fake_stripe.post("disputes", {"payment_intent": payment_of(order).stripe_payment_intent_id})["id"]
    cancel(order_id=order.pk, reason="", by=ANA, at=NOW())
    settle(order)
    apply_each(stripe_state.fetch_dispute(dispute))
    assert fresh(order).money_state == "refund_failed"
    assert "charged back" in fresh(order).attention
    assert "disputes this payment" in fresh(order).attention


def test_an_authentication_is_confirmed_at_once_even_while_somebody_holds_the_lease(
    fake_stripe: FakeStripeServer,
) -> None:
    order = place_order(token="pm_card_authenticationRequired")
    Payment.objects.update(next_attempt_at=NOW() + LEASE / 2)
    fake_stripe.post(f"3ds/{payment_of(order).stripe_payment_intent_id}", {"outcome": "complete"})
    assert confirm(order_id=order.pk, at=NOW()).status == "paid"


def test_an_authentication_that_failed_in_the_browser_is_ended(fake_stripe: FakeStripeServer, ledger: Ledger) -> None:
    order = place_order(token="pm_card_authenticationRequired")
    fake_stripe.post(f"3ds/{payment_of(order).stripe_payment_intent_id}", {"outcome": "fail"})
    failed = confirm(order_id=order.pk, at=NOW())
    assert (failed.status, failed.money_state) == ("created", "payment_failed")
    assert "unable to authenticate" in failed.acts.get().message
    assert [each["status"] for each in ledger()["payment_intents"]] == ["canceled"]
