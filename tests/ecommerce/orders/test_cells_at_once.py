"""Several at once at one order's cells: two refunds, a cancellation, and somebody in Stripe's dashboard."""

from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from billing.models import Invoice, Refund, RefundAllocation
from ecommerce.models import Order
from ecommerce.orders.allocations import read_cells
from ecommerce.orders.cancel import cancel
from ecommerce.orders.refund import refund
from ecommerce.orders.refund_quotes import RefundRequest
from ecommerce.orders.refund_recovery import retry_refund
from ecommerce.pricing.order import Line, Shipping, price
from tests.support.factories import ANA
from tests.support.order_acts import at_once, by_hand, fresh, payment_of, refused, settle, sweep_now
from tests.support.sales import as_taxes
from tests.support.sold import sold
from tests.support.webhook_events import deliver

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("balanced")]
NOW = timezone.now
WHY: dict[str, Any] = {"reason": "Came broken", "by": ANA}
Act = Callable[[], object]


def order_of_two() -> tuple[Order, int, int]:
    """An order with two taxes and a taxed shipping, and its items: 3 x 13.33 and 1 x 50.01."""
    taxes = as_taxes([("CA", "GST", "5"), ("CA", "QST", "9.975")])
    lines = [Line(unit_price=1333, quantity=3, taxes=taxes), Line(unit_price=5001, quantity=1, taxes=taxes)]
    order = sold(price(lines, currency="cad", shipping=Shipping(price=1250, rule="highest")), lines)
    first, second = order.items.order_by("pk").values_list("pk", flat=True)
    return order, first, second


def of(order: Order, **request: Any) -> Act:
    return lambda: refund(order_id=order.pk, request=RefundRequest(**request), at=NOW(), **WHY)


def nothing_left() -> bool:
    left = read_cells(Invoice.objects.get()).left
    return not any(any((each.goods, *each.taxes, each.units)) for each in (*left.items, left.shipping))


@pytest.mark.parametrize("times", range(3))
def test_two_refunds_of_one_line_at_once(times: int) -> None:
    order, first, _second = order_of_two()
    both = at_once(of(order, lines=[(first, 2)]), of(order, lines=[(first, 2)]))
    assert both.count("done") == 1
    settle(order)
    assert read_cells(Invoice.objects.get()).left.items[0].units == 1
    with refused("invalid_quantity"):
        of(order, lines=[(first, 2)])()
    of(order, lines=[(first, 1)])()
    settle(order)
    assert not any(read_cells(Invoice.objects.get()).left.items[0].taxes)
    with refused("invalid_quantity"):
        of(order, lines=[(first, 1)])()


def test_ten_refunds_of_all_that_is_left_at_once() -> None:
    order, *_items = order_of_two()
    assert at_once(*[of(order, rest=True)] * 10).count("done") == 1
    settle(order)
    assert nothing_left()
    assert (fresh(order).status, fresh(order).amount_refunded) == ("paid", order.total)


@pytest.mark.parametrize("times", range(4))
def test_the_rest_is_canceled_while_a_line_is_refunded(times: int) -> None:
    order, first, second = order_of_two()
    of(order, lines=[(second, 1)])()
    settle(order)
    become = at_once(of(order, lines=[(first, 2)], shipping=True), lambda: cancel(order_id=order.pk, at=NOW(), **WHY))
    assert become.count("done") == 1
    settle(order)
    if become[1] != "done":
        cancel(order_id=order.pk, at=NOW(), **WHY)
        settle(order)
    assert (fresh(order).status, fresh(order).amount_refunded) == ("canceled", order.total)
    assert nothing_left()


@pytest.mark.parametrize("amount", [1, 1000, 5000])
def test_somebody_refunds_at_stripe_while_ours_of_a_line_is_on_its_way(amount: int) -> None:
    order, first, _second = order_of_two()
    of(order, lines=[(first, 2)])()
    theirs = by_hand(order, amount)
    deliver("refund.created")
    settle(order)
    sweep_now()
    ours = Refund.objects.exclude(stripe_refund_id=theirs)
    assert (ours.get().status, Refund.objects.get(stripe_refund_id=theirs).status) == ("succeeded", "succeeded")
    # An amount: of both lines, of no unit.
    given = RefundAllocation.objects.filter(refund__stripe_refund_id=theirs)
    assert (sum(row.amount for row in given), sum(row.quantity for row in given)) == (amount, 0)
    cancel(order_id=order.pk, at=NOW(), **WHY)
    settle(order)
    assert fresh(order).status == "canceled"
    assert nothing_left()


def test_ours_of_a_line_finds_no_room_for_what_was_refunded_at_stripe() -> None:
    order, first, _second = order_of_two()
    of(order, lines=[(first, 3)])()
    theirs = by_hand(order, order.total - 100)
    settle(order)
    sweep_now()
    # Ours failed, and its cells are free for theirs.
    assert Refund.objects.exclude(stripe_refund_id=theirs).get().status == "failed"
    left = read_cells(Invoice.objects.get()).left
    assert (left.total, left.items[0].units, left.items[1].units) == (100, 3, 1)
    of(order, rest=True)()
    settle(order)
    assert nothing_left()


@pytest.mark.parametrize("amounts", [[1], [1000, 2000], [6000]])
def test_a_cancellation_takes_the_units_that_refunds_at_stripe_left(amounts: list[int]) -> None:
    order, first, _second = order_of_two()
    of(order, lines=[(first, 1)])()
    settle(order)
    for amount in amounts:
        by_hand(order, amount)
    cancel(order_id=order.pk, at=NOW(), **WHY)
    settle(order)
    sweep_now()
    assert (fresh(order).status, fresh(order).amount_refunded) == ("canceled", order.total)
    assert nothing_left()


def test_a_whole_refund_by_amount_takes_no_units_also_when_it_is_tried_again(fake_stripe: Any) -> None:
    order, *_items = order_of_two()
    dispute = fake_stripe.post("disputes", {"payment_intent": payment_of(order).stripe_payment_intent_id})
    of(order, amount=order.total)()
    assert settle(order).amount_refunded == 0
    fake_stripe.post(f"disputes/{dispute['id']}/close", {"status": "won"})
    retry_refund(order_id=order.pk, by=ANA, at=NOW())
    assert settle(order).amount_refunded == order.total
    left = read_cells(Invoice.objects.get()).left
    assert (left.total, [item.units for item in left.items]) == (0, [3, 1])
