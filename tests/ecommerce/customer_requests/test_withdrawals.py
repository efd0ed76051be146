"""Withdrawals from the contract: until when, of what, and what becomes of them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from customers.actors import Actor, ActorKind
from customers.models import Customer
from ecommerce.customer_requests.withdrawal_quotes import quote_withdrawal
from ecommerce.customer_requests.withdrawals import Withdrawal, carry_out, read_for_withdrawal, withdraw
from ecommerce.models import Fulfillment, Order, OrderItem
from ecommerce.orders.fulfill import fulfill
from ecommerce.orders.refund import refund
from ecommerce.orders.refund_quotes import RefundRequest
from tests.support.factories import ANA, make_sku
from tests.support.mailbox import written
from tests.support.order_acts import at_once, fresh, items_of, kinds, paid_lines, refused, settle
from tests.support.returned import close, opened, receive, sent, two_lines

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("balanced")]
ADA = Actor(kind=ActorKind.CUSTOMER, label="Ada Lovelace <ada@example.com>")
NOW = timezone.now


def withdrawn(order: Order, items: Any = None, **fields: Any) -> Withdrawal:
    known: dict[str, Any] = {"by": ADA, "at": NOW()}
    return withdraw(order_id=order.pk, items=items, **(known | fields))


def means(order: Order, items: Any = None) -> list[tuple[str, int]]:
    quote = quote_withdrawal(read_for_withdrawal(order.pk), items, at=NOW())
    return [(str(part.means), part.quantity) for part in quote.parts]


def test_an_unsent_order_is_canceled_and_refunded() -> None:
    order = two_lines()
    done = withdrawn(order)
    assert (done.request.status, done.request.order_return) == ("done", None)
    assert settle(order).status == "canceled"
    assert fresh(order).amount_refunded == order.total
    assert "withdrawn" in kinds(order)


def test_the_acknowledgement_goes_out_at_once_with_date_and_time() -> None:
    order = two_lines()
    at = datetime(2026, 11, 28, 12, 34, 56, tzinfo=UTC)
    withdrawn(order, at=max(at, order.created_at))
    (mail,) = written(kind="withdrawal")
    assert (mail.recipient, mail.about) == ("ada@example.com", order)
    assert ":34:56" in mail.text or f"{timezone.localtime(order.created_at):%H:%M:%S}" in mail.text
    assert "3 x Mug, red" in mail.text
    assert order.number in mail.subject


def test_a_sent_order_gets_its_return_without_fees() -> None:
    order = sent()
    done = withdrawn(order)
    made = order.returns.get()
    assert (made.status, made.is_withdrawal, done.request.order_return) == ("approved", True, made)
    assert made.number in written(kind="withdrawal")[0].text
    receive(made, 3, 2)
    close(made)
    assert settle(order).status == "returned"
    assert fresh(order).amount_refunded == order.total


def test_a_partly_sent_order_is_canceled_in_part_and_returned_in_part() -> None:
    order = two_lines()
    mugs, shirts = items_of(order)
    fulfill(order_id=order.pk, items=[(mugs.pk, 2)], by=ANA, at=NOW())
    assert means(order) == [("cancel", 1), ("return", 2), ("cancel", 2)]
    withdrawn(order)
    settle(order)
    assert list(order.items.order_by("pk").values_list("canceled", flat=True)) == [1, 2]
    assert list(order.returns.get().items.values_list("item", "quantity")) == [(mugs.pk, 2)]
    assert fresh(order).status == "fulfilled"
    assert shirts.pk not in {row.item_id for row in order.returns.get().items.all()}


def test_some_items_alone() -> None:
    order = two_lines()
    mugs, _shirts = items_of(order)
    withdrawn(order, [(mugs.pk, 1)])
    assert settle(order).status == "paid"
    assert list(order.items.order_by("pk").values_list("canceled", flat=True)) == [1, 0]
    withdrawn(order, [(mugs.pk, 2)])
    settle(order)
    with refused("invalid_items"):
        withdrawn(order, [(mugs.pk, 1)])


def test_only_the_legal_exception_bars_it_and_a_final_sale_does_not() -> None:
    order = sent()
    mugs, shirts = items_of(order)
    OrderItem.objects.filter(pk=mugs.pk).update(withdrawal_exception="sealed")
    OrderItem.objects.filter(pk=shirts.pk).update(final_sale=True)
    assert means(order) == [("return", 2)]
    with refused("withdrawal_excluded"):
        withdrawn(order, [(mugs.pk, 1)])
    OrderItem.objects.update(withdrawal_exception="perishable")
    with refused("withdrawal_excluded"):
        withdrawn(order)


def test_what_is_digital_is_refunded_and_need_not_come_back() -> None:
    order = sent(paid_lines((make_sku("MUG", shippable=True), 1), (make_sku("E-BOOK"), 2)))
    assert means(order) == [("return", 1), ("refund", 2)]
    withdrawn(order)
    assert settle(order).amount_refunded == 3000
    assert means(order, None) == [] if order.returns.get().closed_at else True


@pytest.mark.parametrize(("days", "is_open"), [(14, True), (15, False), (None, True)])
def test_it_is_open_until_14_days_after_delivery_of_the_last_parcel(days: int | None, *, is_open: bool) -> None:
    order = two_lines()
    fulfill(order_id=order.pk, items=[(items_of(order)[0].pk, 3)], by=ANA, at=NOW())
    fulfill(order_id=order.pk, by=ANA, at=NOW())
    first, last = Fulfillment.objects.order_by("pk")
    Fulfillment.objects.filter(pk=first.pk).update(delivered_at=NOW() - timedelta(days=60))
    if days is not None:
        Fulfillment.objects.filter(pk=last.pk).update(delivered_at=NOW() - timedelta(days=days))
    if is_open:
        withdrawn(order)
    else:
        with refused("withdrawal_closed"):
            withdrawn(order)


def test_it_is_closed_for_businesses_and_canceled_orders() -> None:
    order = two_lines()
    Customer.objects.update(tax_id="DE136695976")
    with refused("withdrawal_closed"):
        withdrawn(order)
    Customer.objects.update(tax_id="")
    Order.objects.filter(pk=order.pk).update(shipping_address={**(order.shipping_address or {}), "company": "Acme"})
    with refused("withdrawal_closed"):
        withdrawn(order)
    Order.objects.filter(pk=order.pk).update(shipping_address=order.shipping_address)
    withdrawn(order)
    settle(order)
    with refused("withdrawal_closed"):
        withdrawn(order)


def test_what_is_in_a_return_already_is_not_withdrawn_from_twice() -> None:
    order = sent()
    opened(order, 3, 1)
    assert means(order) == [("return", 1)]
    withdrawn(order)
    with refused("nothing_left"):
        withdrawn(order)


def test_one_that_has_to_wait_is_acknowledged_and_carried_out_by_staff() -> None:
    order = two_lines()
    refund(order_id=order.pk, request=RefundRequest(amount=100), reason="", by=ANA, at=NOW())
    request = withdrawn(order).request
    assert (request.status, len(written(kind="withdrawal")), fresh(order).status) == ("open", 1, "paid")
    assert "withdrew" in fresh(order).attention
    with refused("already_withdrawn"):
        withdrawn(order)
    with refused("in_progress"):
        carry_out(request_id=request.pk, by=ANA, at=NOW())
    settle(order)
    carry_out(request_id=request.pk, by=ANA, at=NOW())
    assert settle(order).status == "canceled"
    request.refresh_from_db()
    assert (request.status, fresh(order).attention) == ("done", "")


@pytest.mark.django_db(transaction=True)
def test_pressed_twice_at_once_it_is_received_once() -> None:
    order = sent()
    assert sorted(at_once(lambda: withdrawn(order), lambda: withdrawn(order))) == ["done", "nothing_left"]
    assert (order.returns.count(), len(written(kind="withdrawal"))) == (1, 1)


@pytest.mark.django_db(transaction=True)
def test_a_parcel_leaves_while_its_customer_withdraws() -> None:
    order = two_lines()
    outcomes = at_once(lambda: withdrawn(order), lambda: fulfill(order_id=order.pk, by=ANA, at=NOW()))
    assert outcomes[0] == "done"
    sent_first = outcomes[1] == "done"
    assert order.returns.count() == (1 if sent_first else 0)
    if not sent_first:
        assert settle(order).status == "canceled"
