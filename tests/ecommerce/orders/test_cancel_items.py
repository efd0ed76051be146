"""Canceling some of what an order has not sent: money and stock of those units, and what becomes of the order."""

from collections.abc import Sequence
from typing import Any

import pytest
from django.utils import timezone

from billing.models import CreditNote, Refund
from devserver.fake_stripe_server import FakeStripeServer
from ecommerce.models import Order, OrderAct, Sku
from ecommerce.orders.cancel import cancel
from ecommerce.orders.cancel_items import cancel_items, left_fingerprint
from ecommerce.orders.fulfill import fulfill
from ecommerce.orders.refund import refund
from ecommerce.orders.refund_quotes import RefundRequest
from ecommerce.orders.refund_recovery import retry_refund
from tests.support.factories import ANA, make_coupon, make_sku, place_order
from tests.support.order_acts import decided, dispute, fresh, items_of, kinds, paid_lines, refused, settle
from tests.support.returned import close, received, sent, two_lines

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("balanced")]
NOW = timezone.now


def drop(order: Order, *quantities: int, **fields: Any) -> Order:
    chosen = [(item.pk, quantity) for item, quantity in zip(items_of(order), quantities, strict=False) if quantity]
    known: dict[str, Any] = {"reason": "Out of it", "by": ANA, "at": NOW()}
    return cancel_items(order_id=order.pk, items=chosen, **(known | fields))


def canceled(order: Order) -> list[int]:
    return [item.canceled for item in items_of(order)]


def stock() -> list[int]:
    return list(Sku.objects.order_by("pk").values_list("inventory_quantity", flat=True))


def test_canceled_units_are_refunded_and_back_in_stock_once_stripe_has_said_yes() -> None:
    order = two_lines()
    waiting = drop(order, 1, 2)
    assert (waiting.money_state, canceled(order), stock()) == ("refund_in_progress", [0, 0], [7, 8])
    done = settle(order)
    assert (done.status, done.amount_refunded, canceled(order), stock()) == ("paid", 5500, [1, 2], [8, 10])
    assert CreditNote.objects.get().amount == 5500
    assert kinds(order)[-3:] == ["items_cancel_requested", "refunded", "items_canceled"]
    sent(order)
    assert (fresh(order).status, [item.fulfilled for item in items_of(order)]) == ("fulfilled", [2, 0])


def test_all_that_is_left_of_an_unsent_order_cancels_it_with_its_coupon() -> None:
    coupon = make_coupon("SAVE10", percent_off=10)
    order = two_lines(coupon_code="SAVE10")
    drop(order, 1, 0)
    settle(order)
    drop(order, 2, 2)
    done = settle(order)
    coupon.refresh_from_db()
    assert (done.status, done.amount_refunded, done.total, coupon.times_redeemed) == ("canceled", 7650, 7650, 0)
    assert (canceled(order), stock(), OrderAct.objects.latest("pk").kind) == ([3, 2], [10, 10], "cancel")


def test_an_order_is_fulfilled_once_nothing_is_left_to_send() -> None:
    order = two_lines()
    sent(order, [(items_of(order)[0].pk, 3)])
    drop(order, 0, 2)
    done = settle(order)
    assert (done.status, done.fulfillment_state, done.amount_refunded, stock()) == ("fulfilled", "", 4000, [7, 10])
    assert kinds(order)[-2:] == ["items_canceled", "fulfilled"]


def test_an_order_is_returned_if_all_that_was_sent_came_back_before() -> None:
    order = two_lines()
    sent(order, [(items_of(order)[0].pk, 1)])
    close(received(order, 1, 0))
    settle(order)
    drop(order, 2, 2)
    assert (settle(order).status, fresh(order).amount_refunded) == ("returned", 8500)
    assert kinds(order)[-3:] == ["items_canceled", "fulfilled", "returned"]


def test_digital_items_may_stay_and_the_order_waits_to_be_fulfilled_by_hand() -> None:
    order = paid_lines((make_sku("BOOK", shippable=True), 1), (make_sku("E-BOOK"), 1))
    drop(order, 1, 0)
    assert settle(order).status == "paid"
    fulfill(order_id=order.pk, by=ANA, at=NOW())
    assert (fresh(order).status, order.fulfillments.count()) == ("fulfilled", 0)


def test_what_was_given_back_before_is_not_given_back_again() -> None:
    order = two_lines()
    mugs, shirts = items_of(order)
    refund(order_id=order.pk, request=RefundRequest(lines=[(shirts.pk, 2)]), reason="", by=ANA, at=NOW())
    settle(order)
    assert (drop(order, 0, 2).money_state, canceled(order), Refund.objects.count()) == ("", [0, 2], 1)
    refund(order_id=order.pk, request=RefundRequest(amount=900), reason="", by=ANA, at=NOW())
    settle(order)
    drop(order, 1, 0)
    assert settle(order).amount_refunded == 4000 + 900 + 1200
    assert [mugs.description, *canceled(order)] == [mugs.description, 1, 2]


@pytest.mark.parametrize("quantities", [(4, 0), (0, 3), (0, 0), (-1, 1)])
def test_no_more_is_canceled_than_is_left(quantities: Sequence[int]) -> None:
    order = two_lines()
    with refused("invalid_items"):
        drop(order, *quantities)


def test_only_a_paid_order_is_canceled_in_part() -> None:
    whole = sent()
    unpaid = place_order(token="pm_card_chargeDeclined")
    for order in (whole, unpaid):
        with refused("wrong_status"):
            drop(order, 1)


def test_the_same_request_joins_and_another_one_is_refused() -> None:
    order = two_lines()
    seen = left_fingerprint(items_of(order))
    drop(order, 1, 0, seen_left=seen)
    drop(order, 1, 0, seen_left=seen)
    for other in ((2, 0), (3, 2)):
        with refused("in_progress"):
            drop(order, *other)
    with refused("in_progress"):
        fulfill(order_id=order.pk, by=ANA, at=NOW())
    with refused("in_progress"):
        cancel(order_id=order.pk, reason="", by=ANA, at=NOW())
    settle(order)
    assert canceled(order) == [1, 0]
    with refused("changed"):
        drop(order, 1, 0, seen_left=seen)


def test_a_key_cancels_once() -> None:
    order = two_lines()
    drop(order, 1, 0, key="one")
    settle(order)
    drop(order, 1, 0, key="one")
    assert (canceled(order), OrderAct.objects.filter(kind="cancel_items").count()) == ([1, 0], 1)
    with refused("idempotency_conflict"):
        drop(order, 2, 0, key="one")


def test_a_refusal_by_stripe_cancels_nothing_and_trying_again_does(fake_stripe: FakeStripeServer) -> None:
    order = two_lines()
    disputed = dispute(fake_stripe, order)
    drop(order, 1, 0)
    failed = settle(order)
    assert (failed.money_state, canceled(order), stock()) == ("refund_failed", [0, 0], [7, 8])
    decided(fake_stripe, disputed, "won")
    retry_refund(order_id=order.pk, by=ANA, at=NOW())
    assert (settle(order).money_state, canceled(order), fresh(order).amount_refunded) == ("", [1, 0], 1500)
