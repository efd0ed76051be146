from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.utils import timezone

from billing.models import CreditNote, Payment, Refund
from devserver.fake_stripe_server import FakeStripeServer
from ecommerce.models import OrderAct, Sku
from ecommerce.orders.cancel import cancel
from ecommerce.orders.fulfill import fulfill
from ecommerce.orders.pay import pay
from ecommerce.orders.refund import refund
from ecommerce.orders.refund_quotes import RefundRequest
from ecommerce.orders.return_order import return_order
from ecommerce.tasks import execute_act
from tests.support.factories import ANA, make_coupon, make_sku, place_order
from tests.support.order_acts import (
    at_once,
    by_hand,
    free,
    fresh,
    fulfilled,
    kinds,
    paid,
    payment_of,
    refused,
    settle,
    sweep_now,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("balanced")]
Ledger = Callable[[], dict[str, Any]]
NOW = timezone.now
WHY: dict[str, Any] = {"reason": "Changed her mind", "by": ANA}


def stock() -> int:
    return Sku.objects.get().inventory_quantity


def test_a_created_order_is_canceled_at_once_and_owes_nothing() -> None:
    make_sku(stock=5)
    order = place_order(token="pm_card_chargeDeclined")
    canceled = cancel(order_id=order.pk, at=NOW(), **WHY)

    assert (canceled.status, canceled.money_state, canceled.invoice and canceled.invoice.status) == (
        *("canceled", "", "void"),
    )
    assert (stock(), Refund.objects.count(), OrderAct.objects.filter(closed_at=None).count()) == (5, 0, 0)
    assert kinds(order)[-1] == "canceled"


def test_a_paid_order_keeps_its_status_until_stripe_has_said_yes(ledger: Ledger) -> None:
    make_sku(stock=5)
    coupon = make_coupon(percent_off=10)
    order = paid(quantity=2, coupon_code="SAVE10")
    assert stock() == 3

    waiting = cancel(order_id=order.pk, at=NOW(), **WHY)
    assert (waiting.status, waiting.money_state, ledger()["refunds"]) == ("paid", "refund_in_progress", [])
    canceled = settle(order)
    coupon.refresh_from_db()

    assert (canceled.status, canceled.money_state, canceled.amount_refunded) == ("canceled", "", 2700)
    assert (stock(), coupon.times_redeemed, canceled.held_at) == (5, 0, None)
    assert [(each["amount"], each["status"]) for each in ledger()["refunds"]] == [(2700, "succeeded")]
    assert [(note.number, note.amount) for note in CreditNote.objects.all()] == [("CN-000001", 2700)]
    assert kinds(order)[-3:] == ["cancel_requested", "refunded", "canceled"]


@pytest.mark.parametrize(("ticked", "left"), [({"restock": True}, 5), ({"restock": False}, 4)])
def test_a_returned_order_gives_its_stock_back_unless_unticked_and_never_its_coupon(
    ticked: dict[str, Any], left: int
) -> None:
    make_sku(stock=5)
    coupon = make_coupon(percent_off=10)
    order = fulfilled(coupon_code="SAVE10")
    assert return_order(order_id=order.pk, at=NOW(), **ticked, **WHY).status == "fulfilled"
    returned = settle(order)
    coupon.refresh_from_db()

    assert (returned.status, returned.amount_refunded, returned.money_state) == ("returned", 1350, "")
    assert (stock(), coupon.times_redeemed) == (left, 1)


def test_a_part_is_refunded_and_then_the_rest() -> None:
    make_sku(stock=5)
    order = paid(quantity=2)
    refund(order_id=order.pk, request=RefundRequest(amount=1000), at=NOW(), **WHY)
    part = settle(order)
    assert (part.status, part.amount_refunded, part.money_state, stock()) == ("paid", 1000, "", 3)

    cancel(order_id=order.pk, at=NOW(), **WHY)
    assert (settle(order).status, fresh(order).amount_refunded, stock()) == ("canceled", 3000, 5)
    assert [each.amount for each in Refund.objects.order_by("pk")] == [1000, 2000]


def test_items_are_refunded_as_they_were_priced_and_once() -> None:
    order = paid(quantity=3)
    item = order.items.get()
    refund(order_id=order.pk, request=RefundRequest(lines=[(item.pk, 1), (item.pk, 1)]), at=NOW(), **WHY)
    assert settle(order).amount_refunded == 3000
    with refused("invalid_quantity"):
        refund(order_id=order.pk, request=RefundRequest(lines=[(item.pk, 2)]), at=NOW(), **WHY)
    refund(order_id=order.pk, request=RefundRequest(lines=[(item.pk, 1)]), at=NOW(), **WHY)
    assert (settle(order).amount_refunded, fresh(order).status) == (4500, "paid")


def test_nothing_to_refund_makes_no_refund(ledger: Ledger) -> None:
    canceled = cancel(order_id=free().pk, at=NOW(), **WHY)
    assert (canceled.status, canceled.money_state) == ("canceled", "")
    assert (Refund.objects.count(), OrderAct.objects.get().outcome, ledger()["refunds"]) == (0, "done", [])


@pytest.mark.django_db(transaction=True)
def test_a_pending_refund_is_a_yes_and_is_followed_until_it_arrives(fake_stripe: FakeStripeServer) -> None:
    order = paid(token="pm_card_pendingRefund")
    cancel(order_id=order.pk, at=NOW(), **WHY)
    pending = settle(order)
    assert (pending.status, pending.money_state, Refund.objects.get().status) == (
        *("canceled", "refund_pending", "pending"),
    )
    fake_stripe.post(f"refunds/{Refund.objects.get().stripe_refund_id}/settle", {})
    sweep_now()
    assert (fresh(order).money_state, Refund.objects.get().status) == ("", "succeeded")
    assert kinds(order)[-1] == "refund_succeeded"


def test_a_refusal_of_stripes_leaves_the_order_as_it_was_with_the_reason(fake_stripe: FakeStripeServer) -> None:
    order = paid()
    fake_stripe.post("disputes", {"payment_intent": payment_of(order).stripe_payment_intent_id})
    cancel(order_id=order.pk, at=NOW(), **WHY)
    failed = settle(order)

    assert (failed.status, failed.money_state, failed.amount_refunded) == ("paid", "refund_failed", 0)
    assert "charged back" in failed.attention
    assert (failed.acts.latest("pk").outcome, Refund.objects.get().failure_code) == ("failed", "charge_disputed")
    assert payment_of(order).refunds == 0


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("fault", ["drop_before", "drop_after"])
def test_a_refund_whose_response_got_lost_is_looked_up_and_never_sent_twice(
    fake_stripe: FakeStripeServer, ledger: Ledger, fault: str
) -> None:
    order = paid()
    fake_stripe.faults({"match": "POST /v1/refunds", "fault": fault, "times": 1})
    cancel(order_id=order.pk, at=NOW(), **WHY)
    assert settle(order).status == "paid"

    sweep_now()
    assert fresh(order).status == "canceled"
    assert [each["amount"] for each in ledger()["refunds"]] == [1500]


@pytest.mark.django_db(transaction=True)
def test_a_look_that_meets_a_500_keeps_the_key(fake_stripe: FakeStripeServer, ledger: Ledger) -> None:
    order = paid()
    fake_stripe.faults(
        {"match": "POST /v1/refunds", "fault": "drop_before", "times": 1},
        {"match": "GET /v1/refunds", "fault": "status", "status": 500, "times": 1},
    )
    cancel(order_id=order.pk, at=NOW(), **WHY)
    settle(order)
    sweep_now()
    assert (Refund.objects.get().attempts, fresh(order).status) == (2, "paid")

    sweep_now()
    assert (Refund.objects.get().generation, fresh(order).status) == (0, "canceled")
    assert len(ledger()["refunds"]) == 1


def test_a_refund_by_hand_of_the_same_amount_is_the_one_that_was_requested(ledger: Ledger) -> None:
    order = paid()
    cancel(order_id=order.pk, at=NOW(), **WHY)
    hand = by_hand(order, 1500)
    canceled = settle(order)

    assert (canceled.status, canceled.amount_refunded, canceled.money_state) == ("canceled", 1500, "")
    assert (Refund.objects.get().stripe_refund_id, len(ledger()["refunds"])) == (hand, 1)


def test_only_what_the_order_is_can_be_undone() -> None:
    created = place_order(token="pm_card_chargeDeclined")
    sent, done = fulfilled(), fulfilled()
    return_order(order_id=done.pk, restock=True, at=NOW(), **WHY)
    settle(done)
    for order in (sent, done):
        with refused("wrong_status"):
            cancel(order_id=order.pk, at=NOW(), **WHY)
    for order in (created, done):
        with refused("wrong_status"):
            return_order(order_id=order.pk, restock=True, at=NOW(), **WHY)
        with refused("wrong_status"):
            refund(order_id=order.pk, request=RefundRequest(amount=100), at=NOW(), **WHY)


@pytest.mark.parametrize(
    ("code", "amount"),
    [
        ("invalid_amount", 0),
        ("invalid_amount", -5),
        ("amount_too_large", 1501),
        ("invalid_items", None),
    ],
)
def test_a_partial_refund_has_bounds(code: str, amount: int | None) -> None:
    order = paid()
    with refused(code):
        refund(order_id=order.pk, request=RefundRequest(amount=amount), at=NOW(), **WHY)


def test_a_partial_refund_is_a_multiple_of_the_currencys_step() -> None:
    order = paid(sku=make_sku("ISK", currency="isk", price=150_000))
    with refused("invalid_amount"):
        refund(order_id=order.pk, request=RefundRequest(amount=150), at=NOW(), **WHY)


def test_what_is_in_flight_is_joined_and_anything_else_is_refused() -> None:
    order = paid()
    cancel(order_id=order.pk, at=NOW(), **WHY)
    assert cancel(order_id=order.pk, at=NOW(), **WHY).money_state == "refund_in_progress"
    assert Refund.objects.count() == 1
    with refused("in_progress"):
        refund(order_id=order.pk, request=RefundRequest(amount=100), at=NOW(), **WHY)
    with refused("in_progress"):
        fulfill(order_id=order.pk, by=ANA, at=NOW())
    with refused("wrong_status"):
        pay(order_id=order.pk, by=ANA, at=NOW(), token="pm_card_visa")


@pytest.mark.django_db(transaction=True)
def test_a_charge_that_is_being_confirmed_locks_its_order(fake_stripe: FakeStripeServer) -> None:
    fake_stripe.faults({"match": "POST /v1/payment_intents", "fault": "drop_after", "times": 1})
    order = place_order()
    with refused("in_progress"):
        cancel(order_id=order.pk, at=NOW(), **WHY)
    with refused("in_progress"):
        pay(order_id=order.pk, by=ANA, at=NOW(), token="pm_card_visa")
    sweep_now()
    assert fresh(order).status == "paid"


def test_canceling_ends_an_authentication_that_a_browser_may_still_complete(ledger: Ledger) -> None:
    order = place_order(token="pm_card_authenticationRequired")
    canceled = cancel(order_id=order.pk, at=NOW(), **WHY)
    assert (canceled.status, [each["status"] for each in ledger()["payment_intents"]]) == ("canceled", ["canceled"])


def test_an_authentication_completed_meanwhile_wins_over_the_cancel_of_a_created_order(
    fake_stripe: FakeStripeServer,
) -> None:
    order = place_order(token="pm_card_authenticationRequired")
    fake_stripe.post(f"3ds/{payment_of(order).stripe_payment_intent_id}", {"outcome": "complete"})
    waiting = cancel(order_id=order.pk, at=NOW(), **WHY)

    assert (waiting.status, waiting.money_state) == ("paid", "refund_in_progress")
    assert settle(order).status == "canceled"


@pytest.mark.django_db(transaction=True)
def test_an_authentication_that_cannot_be_ended_now_is_ended_by_the_sweep(fake_stripe: FakeStripeServer) -> None:
    order = place_order(token="pm_card_authenticationRequired")
    fake_stripe.faults({"match": "* /v1/payment_intents", "fault": "drop_before", "times": 1})
    with pytest.raises(Exception, match="waits for Stripe"):
        cancel(order_id=order.pk, at=NOW(), **WHY)
    assert Payment.objects.filter(next_attempt_at__lte=NOW()).count() == 1

    sweep_now()
    assert (fresh(order).status, fresh(order).money_state) == ("created", "payment_failed")


@pytest.mark.django_db(transaction=True)
def test_two_people_cancel_at_once_and_the_money_goes_back_once(ledger: Ledger) -> None:
    order = paid()
    acts = [partial(cancel, order_id=order.pk, at=NOW(), **WHY)] * 8
    assert at_once(*acts) == ["done"] * 8
    settle(order)
    assert [each["amount"] for each in ledger()["refunds"]] == [1500]
    assert OrderAct.objects.filter(order=order, kind="cancel").count() == 1


@pytest.mark.django_db(transaction=True)
def test_canceling_and_fulfilling_at_once_is_one_of_the_two() -> None:
    for _ in range(5):
        order = paid()
        came = at_once(
            partial(cancel, order_id=order.pk, at=NOW(), **WHY), partial(fulfill, order_id=order.pk, by=ANA, at=NOW())
        )
        assert came in (["done", "in_progress"], ["wrong_status", "done"])


@pytest.mark.django_db(transaction=True)
def test_a_part_and_a_cancel_at_once_never_send_back_too_much(ledger: Ledger) -> None:
    order = paid()
    at_once(
        *[partial(refund, order_id=order.pk, request=RefundRequest(amount=900), at=NOW(), **WHY)] * 4,
        *[partial(cancel, order_id=order.pk, at=NOW(), **WHY)] * 2,
    )
    settle(order)
    assert sum(each["amount"] for each in ledger()["refunds"]) in (900, 1500)
    assert len(ledger()["refunds"]) == 1


@pytest.mark.django_db(transaction=True)
def test_one_refund_settled_by_many_at_once_is_sent_once(ledger: Ledger) -> None:
    order = paid()
    cancel(order_id=order.pk, at=NOW(), **WHY)
    act = OrderAct.objects.get(order=order, closed_at=None)
    at_once(*[partial(execute_act, act_id=act.pk)] * 10)
    assert (fresh(order).status, len(ledger()["refunds"]), CreditNote.objects.count()) == ("canceled", 1, 1)


def test_another_card_asks_for_a_card_before_it_ends_the_authentication() -> None:
    order = place_order(token="pm_card_authenticationRequired")
    with refused("card_required"):
        pay(order_id=order.pk, by=ANA, at=NOW(), token="4242424242424242")
    with refused("unknown_source"):
        pay(order_id=order.pk, by=ANA, at=NOW(), card_id=0)


def test_paying_again_is_refused_where_stock_is_gone_and_nothing_happens() -> None:
    make_sku(stock=1)
    order = place_order(token="pm_card_chargeDeclined")
    paid()
    with refused("out_of_stock"):
        pay(order_id=order.pk, by=ANA, at=NOW(), token="pm_card_visa")


@pytest.mark.django_db(transaction=True)
def test_paying_twice_at_once_charges_once(ledger: Ledger) -> None:
    order = place_order(token="pm_card_chargeDeclined")
    came = at_once(*[partial(pay, order_id=order.pk, by=ANA, at=NOW(), token="pm_card_visa")] * 5)
    assert came.count("done") == 1
    assert [each["status"] for each in ledger()["payment_intents"]].count("succeeded") == 1
