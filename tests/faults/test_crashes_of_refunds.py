"""The crash between any two steps of a refund by lines, and of a cancellation after one: each cell goes back once."""

from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from ecommerce.models import Order, OrderAct
from ecommerce.orders.allocations import read_cells
from ecommerce.orders.cancel import cancel
from ecommerce.orders.execute import execute_act
from ecommerce.orders.refund import refund
from ecommerce.orders.refund_quotes import RefundRequest
from ecommerce.orders.selectors import open_act
from ecommerce.pricing.order import Line, Shipping, price
from ecommerce.pricing.refunds import OrderCells
from tests.faults.crashing import crashes, recover
from tests.support.factories import ANA
from tests.support.order_acts import fresh
from tests.support.sales import as_taxes
from tests.support.sold import sold

pytestmark = pytest.mark.django_db(transaction=True)
WHY: dict[str, Any] = {"reason": "Came broken", "by": ANA}


def taxed() -> Order:
    taxes = as_taxes([("CA", "GST", "5"), ("CA", "QST", "9.975")])
    lines = [Line(unit_price=1333, quantity=3, taxes=taxes), Line(unit_price=5001, quantity=1, taxes=taxes)]
    return sold(price(lines, currency="cad", shipping=Shipping(price=1250, rule="highest")), lines)


def of_lines(order: Order, *, quantity: int = 2) -> None:
    """Refund some of the first line, and the shipping, as a page and then the worker do."""
    item = order.items.earliest("pk")
    request = RefundRequest(lines=[(item.pk, quantity)], shipping=True)
    settled(refund(order_id=order.pk, request=request, at=timezone.now(), **WHY))


def canceled(order: Order) -> None:
    """Cancel all that is left."""
    settled(cancel(order_id=order.pk, at=timezone.now(), **WHY))


def settled(order: Order) -> None:
    act = open_act(order)
    if act:
        execute_act(act=act, at=timezone.now())


def partly_refunded() -> Order:
    order = taxed()
    of_lines(order)
    return order


def left_of(order: Order) -> OrderCells:
    invoice = fresh(order).invoice
    assert invoice
    return read_cells(invoice).left


@pytest.mark.parametrize(
    ("prepare", "act", "becomes"),
    [(taxed, of_lines, "paid"), (partly_refunded, canceled, "canceled")],
    ids=["refund of lines", "cancellation of the rest"],
)
def test_each_cell_goes_back_once_whatever_the_step_of_the_crash(
    prepare: Callable[[], Order],
    act: Callable[[Order], None],
    becomes: str,
    balanced: Callable[[], None],
    stride: int,
) -> None:
    undisturbed = prepare()
    act(undisturbed)
    expected = left_of(undisturbed), fresh(undisturbed).amount_refunded
    acts = OrderAct.objects.filter(order=undisturbed).count()
    orders, steps = [prepare()], 0
    for number in crashes(lambda: act(orders[-1]), stride=stride):
        current, steps = orders[-1], number
        recover()
        if OrderAct.objects.filter(order=current).count() < acts:  # killed before anything was on disk
            act(current)
            recover()
        assert fresh(current).status == becomes, f"after a crash at step {number}"
        assert (left_of(current), fresh(current).amount_refunded) == expected, f"after a crash at step {number}"
        orders.append(prepare())
    assert steps > 40
    assert (left_of(orders[-1]), fresh(orders[-1]).amount_refunded) == expected
    balanced()
