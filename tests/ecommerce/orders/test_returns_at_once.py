"""Several people at once: no unit is sent, returned or refunded twice."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.utils import timezone

from billing.models import Refund
from ecommerce.models import OrderAct, Sku
from ecommerce.orders.cancel_items import cancel_items
from ecommerce.orders.fulfill import fulfill
from ecommerce.orders.refund import refund
from ecommerce.orders.refund_quotes import RefundRequest
from ecommerce.orders.returns import Fee
from ecommerce.tasks import execute_act
from tests.support.factories import ANA
from tests.support.order_acts import at_once, counts, fresh, items_of, settle
from tests.support.returned import close, opened, receive, received, sent, two_lines

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("balanced")]
NOW = timezone.now
Ledger = Callable[[], dict[str, Any]]
WHY: dict[str, Any] = {"reason": "", "by": ANA}


def settle_all() -> None:
    for act in OrderAct.objects.filter(closed_at=None):
        execute_act(act_id=act.pk)


def test_an_item_is_put_in_a_parcel_and_canceled_at_once() -> None:
    order = two_lines()
    mugs = items_of(order)[0].pk
    parcel = partial(fulfill, order_id=order.pk, items=[(mugs, 3)], by=ANA, at=NOW())
    cancellation = partial(cancel_items, order_id=order.pk, items=[(mugs, 3)], at=NOW(), **WHY)
    came = at_once(parcel, cancellation, parcel, cancellation)
    settle_all()
    sent_of_it, canceled, _returned = counts(order)[0]
    # Where the cancellation came first, the second press joins it.
    assert (sent_of_it, canceled) in {(3, 0), (0, 3)}
    assert came.count("done") == (1 if sent_of_it else 2)
    assert fresh(order).amount_refunded == (4500 if canceled else 0)
    assert Sku.objects.get(code="MUG").inventory_quantity == (10 if canceled else 7)


def test_different_items_are_canceled_by_two_people_at_once() -> None:
    order = two_lines()
    mugs, shirts = (item.pk for item in items_of(order))
    ask = partial(cancel_items, order_id=order.pk, at=NOW(), **WHY)
    came = at_once(partial(ask, items=[(mugs, 1)]), partial(ask, items=[(mugs, 3)]), partial(ask, items=[(shirts, 2)]))
    assert sorted(came) == ["done", "in_progress", "in_progress"]
    settle_all()
    (act,) = OrderAct.objects.filter(kind="cancel_items")
    assert sum(canceled for _sent, canceled, _back in counts(order)) == sum(quantity for _item, quantity in act.lines)


def test_a_return_is_received_while_an_amount_is_refunded() -> None:
    order = sent()
    one = opened(order, 3, 2)
    left = RefundRequest(amount=1000)
    came = at_once(partial(receive, one, 3, 2), partial(refund, order_id=order.pk, request=left, at=NOW(), **WHY))
    assert came == ["done", "done"]
    settle(order)
    close(one)
    assert (settle(order).status, fresh(order).amount_refunded) == ("returned", 8500)
    assert sorted(Refund.objects.values_list("amount", flat=True)) == [1000, 7500]


def test_two_people_close_the_same_return(ledger: Ledger) -> None:
    order = sent()
    one = received(order, 2, 0)
    fee = partial(close, one, fees=(Fee(name="Restocking", amount=100),))
    came = at_once(partial(close, one), fee, partial(close, one, refund=False), fee)
    assert "done" in came
    settle_all()
    one.refresh_from_db()
    state = fresh(order)
    assert (one.status, OrderAct.objects.filter(kind="return").count() <= 1) == ("closed", True)
    assert state.amount_refunded + state.fees_kept in {0, 3000}
    assert sum(each["amount"] for each in ledger()["refunds"]) == state.amount_refunded


def test_the_same_parcel_is_received_by_two_people_at_once() -> None:
    order = sent()
    one = opened(order, 2, 0)
    came = at_once(*[partial(receive, one, 2)] * 3)
    assert sorted(came) == ["done", "invalid_items", "invalid_items"]
    assert (counts(order)[0], Sku.objects.get(code="MUG").inventory_quantity) == ((3, 0, 2), 9)


def test_more_returns_are_opened_at_once_than_units_were_sent() -> None:
    order = sent()
    came = at_once(*[partial(opened, order, 2, 0)] * 3)
    assert sorted(came) == ["done", "invalid_items", "invalid_items"]
