"""The crash between any two steps of a withdrawal: one request, one acknowledgement, each unit and cent once."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone

from customers.actors import Actor, ActorKind
from ecommerce.customer_requests.withdrawals import withdraw
from ecommerce.models import CustomerRequest, Order, Return
from ecommerce.orders.fulfill import fulfill
from tests.faults.crashing import crashes, recover
from tests.faults.test_crashes_of_refunds import settled
from tests.support.factories import ANA, make_sku
from tests.support.mailbox import written
from tests.support.order_acts import counts, fresh, items_of, paid_lines

pytestmark = pytest.mark.django_db(transaction=True)
ADA = Actor(kind=ActorKind.CUSTOMER, label="Ada Lovelace <ada@example.com>")


def unsent() -> Order:
    code = uuid4().hex[:8]
    mug, shirt = (make_sku(f"{code}-{name}", product=f"{code} {name}", shippable=True, stock=10) for name in "ab")
    return paid_lines((mug, 3), (shirt, 2))


def partly_sent() -> Order:
    """Send a unit of the first line: it comes back by a return, and the rest is canceled."""
    order = unsent()
    return fulfill(order_id=order.pk, items=[(items_of(order)[0].pk, 1)], by=ANA, at=timezone.now())


def withdrawn(order: Order) -> None:
    withdraw(order_id=order.pk, items=None, by=ADA, at=timezone.now())
    settled(order)


def state(order: Order) -> tuple[Any, ...]:
    """What must be the same whatever the step of the crash."""
    now = fresh(order)
    requests = list(CustomerRequest.objects.filter(order=order).values_list("kind", "status"))
    documents = list(Return.objects.filter(order=order).values_list("status", "items__quantity"))
    mails = [mail for mail in written(kind="withdrawal") if mail.about == order]
    return now.status, now.amount_refunded, counts(now), requests, documents, len(mails)


@pytest.mark.parametrize("prepare", [unsent, partly_sent], ids=["unsent", "partly sent"])
def test_a_withdrawal_is_carried_out_once_whatever_the_step_of_the_crash(
    prepare: Callable[[], Order], balanced: Callable[[], None], stride: int
) -> None:
    undisturbed = prepare()
    withdrawn(undisturbed)
    expected = state(undisturbed)
    orders, steps = [prepare()], 0
    for number in crashes(lambda: withdrawn(orders[-1]), stride=stride):
        current, steps = orders[-1], number
        recover()
        if not CustomerRequest.objects.filter(order=current).exists():  # killed before anything was on disk
            withdrawn(current)
            recover()
        assert state(current) == expected, f"after a crash at step {number}"
        orders.append(prepare())
    assert steps > 40
    assert state(orders[-1]) == expected
    balanced()
