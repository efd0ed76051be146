"""What Stripe refused, and what was done to the order since: only what can still be done is offered again."""

from typing import Any

import pytest
from django.utils import timezone

from devserver.fake_stripe_server import FakeStripeServer
from ecommerce.models import Order, Sku
from ecommerce.orders.cancel import cancel
from ecommerce.orders.cancel_items import cancel_items
from ecommerce.orders.fulfill import fulfill
from ecommerce.orders.hold import hold
from ecommerce.orders.receiving import Received
from ecommerce.orders.refund import refund
from ecommerce.orders.refund_quotes import RefundRequest
from ecommerce.orders.refund_recovery import retry_refund, settle_outside
from ecommerce.orders.return_order import return_order
from ecommerce.orders.returns import receive_return, received_so_far
from ecommerce.orders.selectors import allowed_acts
from tests.support.factories import ANA
from tests.support.order_acts import (
    counts,
    decided,
    dispute,
    fresh,
    items_of,
    kinds,
    refused,
    settle,
)
from tests.support.returned import close, opened, receive, received, sent, two_lines

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("balanced")]
NOW = timezone.now
BY: dict[str, Any] = {"by": ANA}


def stock() -> list[int]:
    return list(Sku.objects.order_by("pk").values_list("inventory_quantity", flat=True))


def send(order: Order, *quantities: int) -> Order:
    items = [(item.pk, units) for item, units in zip(items_of(order), quantities, strict=False) if units]
    return fulfill(order_id=order.pk, items=items, despite_attention=True, at=NOW(), **BY)


def give_up(order: Order) -> None:
    """Nothing of the refusal is left to be done."""
    assert (fresh(order).attention, fresh(order).money_state) == ("", "")
    assert not {"try_again", "settle_outside"} & allowed_acts(fresh(order))
    with refused("no_failed_refund"):
        retry_refund(order_id=order.pk, at=NOW(), **BY)
    with refused("no_failed_refund"):
        settle_outside(order_id=order.pk, note="In cash", at=NOW(), **BY)


def test_a_refused_cancel_of_an_order_that_was_sent_in_part_since_is_over(fake_stripe: FakeStripeServer) -> None:
    order = two_lines()
    disputed = dispute(fake_stripe, order)
    cancel(order_id=order.pk, reason="", at=NOW(), **BY)
    settle(order)
    decided(fake_stripe, disputed, "won")
    send(order, 1, 0)
    give_up(order)
    assert (fresh(order).status, counts(order), stock()) == ("paid", [(1, 0, 0), (0, 0, 0)], [7, 8])


@pytest.mark.parametrize("sends", [(2, 0), (0, 1)])
def test_a_refused_cancel_of_items_waits_only_while_they_are_left(
    fake_stripe: FakeStripeServer, sends: tuple[int, int]
) -> None:
    order = two_lines()
    mugs, _shirts = items_of(order)
    disputed = dispute(fake_stripe, order)
    cancel_items(order_id=order.pk, items=[(mugs.pk, 2)], reason="", at=NOW(), **BY)
    settle(order)
    decided(fake_stripe, disputed, "won")
    send(order, *sends)
    if sends[0]:
        give_up(order)
        return
    settle_outside(order_id=order.pk, note="In cash", at=NOW(), **BY)
    assert (counts(order), stock()) == ([(0, 2, 0), (1, 0, 0)], [9, 8])
    assert (fresh(order).amount_refunded, fresh(order).attention) == (3000, "")


def test_the_whole_is_not_settled_outside_while_a_return_of_its_own_is_open(fake_stripe: FakeStripeServer) -> None:
    order = sent()
    disputed = dispute(fake_stripe, order)
    return_order(order_id=order.pk, reason="", restock=True, at=NOW(), **BY)
    settle(order)
    decided(fake_stripe, disputed, "won")
    opened(order, 1, 0)
    with refused("return_open"):
        retry_refund(order_id=order.pk, at=NOW(), **BY)
    with refused("return_open"):
        settle_outside(order_id=order.pk, note="In cash", at=NOW(), **BY)


def test_more_that_arrives_after_a_refusal_is_refunded_with_the_rest(fake_stripe: FakeStripeServer) -> None:
    order = sent()
    one = receive(opened(order, 2, 0), 1)
    disputed = dispute(fake_stripe, order)
    close(one)
    settle(order)
    decided(fake_stripe, disputed, "won")
    assert "try_again" in allowed_acts(fresh(order))
    receive(one, 1)
    give_up(order)
    close(one)
    assert (settle(order).amount_refunded, counts(order)[0]) == (3000, (3, 0, 2))


@pytest.mark.parametrize("complete", [True, False])
def test_a_parcel_that_is_counted_twice_arrives_once(*, complete: bool) -> None:
    one = opened(sent(), 2, 0)
    seen = received_so_far(one)
    receive(one, 1, complete=complete, seen=seen)
    with refused("changed"):
        receive(one, 1, complete=complete, seen=seen)
    receive(one, 1, seen=received_so_far(one))
    assert counts(one.order)[0] == (3, 0, 2)


def test_what_is_missing_is_not_missing_once_more() -> None:
    one = receive(opened(sent(), 2, 0), 1)
    lost = Received(item_id=items_of(one.order)[0].pk, quantity=1, condition="missing")
    with refused("invalid_items"):
        receive_return(return_id=one.pk, received=[lost], complete=True, at=NOW(), **BY)


@pytest.mark.parametrize("request_", [RefundRequest(rest=True), RefundRequest(amount=8500)])
def test_a_refund_of_what_came_back_before_returns_the_order(request_: RefundRequest) -> None:
    order = sent()
    close(received(order, 3, 2), refund=False)
    refund(order_id=order.pk, request=request_, reason="", at=NOW(), **BY)
    done = settle(order)
    assert (done.status, done.attention, kinds(order)[-1]) == ("returned", "", "returned")


def test_an_order_that_was_refunded_and_sent_in_part_says_what_can_be_done() -> None:
    order = two_lines()
    send(order, 1, 0)
    refund(order_id=order.pk, request=RefundRequest(rest=True), reason="", at=NOW(), **BY)
    assert settle(order).attention == "All of it was refunded: cancel the items that are left."
    mugs, shirts = items_of(order)
    cancel_items(order_id=order.pk, items=[(mugs.pk, 2), (shirts.pk, 2)], reason="", at=NOW(), **BY)
    assert (fresh(order).status, stock()) == ("fulfilled", [9, 10])


def test_an_order_with_nothing_left_to_send_is_on_hold_no_more() -> None:
    order = two_lines()
    send(order, 3, 0)
    hold(order_id=order.pk, reason="Ask first", at=NOW(), **BY)
    cancel_items(order_id=order.pk, items=[(items_of(order)[1].pk, 2)], reason="", at=NOW(), **BY)
    assert (settle(order).status, fresh(order).on_hold, fresh(order).hold_reason) == ("fulfilled", False, "")
