"""The crash between any two steps of a cancellation of items, and of closing a return: each unit, each cell once."""

from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from ecommerce.models import Order, OrderAct, OrderItem, Return
from ecommerce.orders.allocations import read_cells
from ecommerce.orders.cancel_items import cancel_items
from ecommerce.orders.fulfill import fulfill
from ecommerce.orders.returns import Fee
from ecommerce.pricing.order import Line, Shipping, price
from tests.faults.crashing import crashes, recover
from tests.faults.test_crashes_of_refunds import settled
from tests.support.factories import ANA
from tests.support.order_acts import counts, fresh, items_of
from tests.support.returned import close, received
from tests.support.sales import as_taxes
from tests.support.sold import sold

pytestmark = pytest.mark.django_db(transaction=True)


def taxed() -> Order:
    """Make an order of 3 and 2 units, each with two taxes, and shipping."""
    taxes = as_taxes([("CA", "GST", "5"), ("CA", "QST", "9.975")])
    lines = [Line(unit_price=1333, quantity=3, taxes=taxes), Line(unit_price=5001, quantity=2, taxes=taxes)]
    order = sold(price(lines, currency="cad", shipping=Shipping(price=1250, rule="highest")), lines)
    OrderItem.objects.filter(order=order).update(shippable=True)
    return order


def partly_sent() -> Order:
    """Send the first line, and a unit of the second."""
    order = taxed()
    first, second = items_of(order)
    return fulfill(order_id=order.pk, items=[(first.pk, 3), (second.pk, 1)], by=ANA, at=timezone.now())


def come_back() -> Order:
    """Send an order, and receive a return of some of it."""
    order = fulfill(order_id=taxed().pk, by=ANA, at=timezone.now())
    received(order, 2, 1)
    return order


def rest_canceled(order: Order) -> None:
    items = [(items_of(order)[1].pk, 1)]
    settled(cancel_items(order_id=order.pk, items=items, reason="Out of it", by=ANA, at=timezone.now()))


def return_closed(order: Order) -> None:
    close(order.returns.get(), shipping=True, fees=(Fee(name="Restocking", amount=500),))
    settled(order)


def state(order: Order) -> tuple[Any, ...]:
    """What must be the same whatever the step of the crash."""
    now = fresh(order)
    assert now.invoice
    documents = list(Return.objects.filter(order=order).values_list("status", "items__received"))
    return now.status, now.amount_refunded, now.fees_kept, counts(now), documents, read_cells(now.invoice).left


@pytest.mark.parametrize(
    ("prepare", "act"),
    [(partly_sent, rest_canceled), (come_back, return_closed)],
    ids=["cancellation of items", "return"],
)
def test_each_unit_goes_back_once_whatever_the_step_of_the_crash(
    prepare: Callable[[], Order], act: Callable[[Order], None], balanced: Callable[[], None], stride: int
) -> None:
    undisturbed = prepare()
    act(undisturbed)
    expected = state(undisturbed)
    acts = OrderAct.objects.filter(order=undisturbed).count()
    orders, steps = [prepare()], 0
    for number in crashes(lambda: act(orders[-1]), stride=stride):
        current, steps = orders[-1], number
        recover()
        if OrderAct.objects.filter(order=current).count() < acts:  # killed before anything was on disk
            act(current)
            recover()
        assert state(current) == expected, f"after a crash at step {number}"
        orders.append(prepare())
    assert steps > 40
    assert state(orders[-1]) == expected
    balanced()
