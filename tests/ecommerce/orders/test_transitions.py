from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone
from django_fsm import ConcurrentTransition, TransitionNotAllowed, can_proceed

from ecommerce.models import Order
from tests.support.factories import make_customer, make_sku
from tests.support.rows import a_paid_order, an_order

ALLOWED = {
    ("pay", "created"): "paid",
    ("fulfill", "paid"): "fulfilled",
    ("cancel", "created"): "canceled",
    ("cancel", "paid"): "canceled",
    ("return_order", "fulfilled"): "returned",
}
TIME_OF = {"pay": "paid_at", "fulfill": "fulfilled_at", "cancel": "canceled_at", "return_order": "returned_at"}
EVERY = [(transition, status) for transition in TIME_OF for status in Order.Status.values]


@pytest.mark.parametrize(("transition", "status"), EVERY)
def test_a_transition_from_each_status(transition: str, status: str) -> None:
    order: Any = Order(status=status)
    at = timezone.now()
    act = getattr(order, transition)
    if (transition, status) in ALLOWED:
        assert can_proceed(act)
        act(at=at)
        assert (order.status, getattr(order, TIME_OF[transition])) == (ALLOWED[transition, status], at)
    else:
        assert not can_proceed(act)
        with pytest.raises(TransitionNotAllowed):
            act(at=at)
        assert (order.status, getattr(order, TIME_OF[transition])) == (status, None)


def test_the_statuses_are_these_and_their_words() -> None:
    assert {code: str(word) for code, word in Order.Status.choices} == {
        "created": "Created",
        "paid": "Paid",
        "fulfilled": "Fulfilled",
        "canceled": "Canceled",
        "returned": "Returned",
    }


def test_a_status_is_not_assigned() -> None:
    order: Any = Order()
    with pytest.raises(AttributeError):
        order.status = "paid"


@pytest.mark.django_db(transaction=True)
def test_reading_anew_never_lifts_the_protection() -> None:
    order: Any = an_order(make_customer(), make_sku())
    gone: Any = Order(pk=0)
    with pytest.raises(Order.DoesNotExist):
        gone.refresh_from_db()
    with pytest.raises(AttributeError):
        gone.status = "paid"

    def read(_: int) -> None:
        mine: Any = Order.objects.get(pk=order.pk)
        for _time in range(50):
            mine.refresh_from_db()
            with pytest.raises(AttributeError):
                mine.status = "paid"
        connection.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(read, range(4)))
    order.pay(at=timezone.now())
    order.refresh_from_db()
    assert order.status == "created"


@pytest.mark.django_db
def test_a_status_is_not_written_in_sets() -> None:
    order: Any = an_order(make_customer(), make_sku())
    with pytest.raises(TypeError, match="write_transitions"):
        Order.objects.update(status="paid")
    with pytest.raises(TypeError, match="write_transitions"), transaction.atomic():
        Order.objects.bulk_update([order], ["status"])
    order.refresh_from_db()
    assert order.status == "created"


@pytest.mark.django_db
def test_an_order_read_before_another_change_is_not_saved() -> None:
    order = a_paid_order(make_customer(), make_sku())
    stale = Order.objects.get(pk=order.pk)
    order.fulfill(at=timezone.now())
    order.save()
    stale.cancel(at=timezone.now())
    with pytest.raises(ConcurrentTransition):
        stale.save()
