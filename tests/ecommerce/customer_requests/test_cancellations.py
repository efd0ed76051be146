"""Customers ask to cancel; the shop's rule or staff decide."""

from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.utils import timezone

from customers.actors import Actor, ActorKind
from customers.models import Mail
from ecommerce.customer_requests.cancellations import approve_cancellation, ask_to_cancel, decline_cancellation
from ecommerce.models import CustomerRequest, Order, ShopSettings
from ecommerce.orders.cancel import cancel
from ecommerce.orders.fulfill import fulfill
from tests.support.factories import ANA, make_customer, place_order
from tests.support.mailbox import written
from tests.support.order_acts import at_once, fresh, items_of, kinds, paid, refused, settle
from tests.support.returned import sent, two_lines

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("balanced")]
ADA = Actor(kind=ActorKind.CUSTOMER, label="Ada Lovelace <ada@example.com>")
NOW = timezone.now


def ask(order: Order, **fields: Any) -> Order:
    known: dict[str, Any] = {"reason": "Ordered by mistake", "by": ADA, "at": NOW()}
    return ask_to_cancel(order_id=order.pk, **(known | fields))


def asked(order: Order) -> CustomerRequest:
    ask(order)
    return order.customer_requests.get()


def test_without_a_rule_staff_decide_and_the_order_says_so() -> None:
    order = paid(customer=make_customer())
    request = asked(order)
    assert (request.status, request.reason, request.by_kind) == ("open", "Ordered by mistake", "customer")
    assert fresh(order).status == "paid"
    assert "The customer asks to cancel it" in fresh(order).attention
    assert kinds(order)[-1] == "cancellation_asked"
    with refused("needs_attention"):
        fulfill(order_id=order.pk, by=ANA, at=NOW())
    ask(order)
    assert order.customer_requests.count() == 1


@pytest.mark.parametrize(("minutes", "status"), [(29, "canceled"), (31, "paid")])
def test_for_some_minutes_it_is_canceled_at_once(minutes: int, status: str) -> None:
    ShopSettings.objects.update_or_create(pk=1, defaults={"cancel_minutes": 30})
    order = paid(customer=make_customer())
    later = order.created_at + timedelta(minutes=minutes)
    ask(order, at=later)
    if status == "canceled":
        settle(order)
    assert (fresh(order).status, order.customer_requests.exists()) == (status, status == "paid")


def test_an_unpaid_order_is_canceled_at_once() -> None:
    order = place_order(customer=make_customer(), token="pm_card_chargeDeclined")
    assert ask(order).status == "canceled"
    assert ask(order).status == "canceled"


def test_what_was_sent_in_part_is_not_canceled() -> None:
    order = two_lines()
    fulfill(order_id=order.pk, items=[(items_of(order)[0].pk, 1)], by=ANA, at=NOW())
    with refused("already_sent"):
        ask(order)
    sent(order)
    with refused("already_sent"):
        ask(order)


def test_staff_approve_and_the_money_goes_back() -> None:
    order = paid(customer=make_customer())
    request = asked(order)
    approve_cancellation(request_id=request.pk, answer="Done.", by=ANA, at=NOW())
    assert settle(order).status == "canceled"
    request.refresh_from_db()
    assert (request.status, request.decided_by, fresh(order).attention) == ("done", "Ana", "")
    (mail,) = written(kind="canceled")
    assert (mail.recipient, mail.about) == ("ada@example.com", order)
    assert order.number in mail.subject
    assert "Done." in mail.text
    with refused("decided_meanwhile"):
        approve_cancellation(request_id=request.pk, by=ANA, at=NOW())


def test_staff_decline_with_a_sentence_and_the_order_stays() -> None:
    order = paid(customer=make_customer())
    request = asked(order)
    with refused("answer_required"):
        decline_cancellation(request_id=request.pk, answer=" ", by=ANA, at=NOW())
    decline_cancellation(request_id=request.pk, answer="It is packed & sealed.", by=ANA, at=NOW())
    assert (fresh(order).status, fresh(order).attention) == ("paid", "")
    assert kinds(order)[-1] == "cancellation_declined"
    assert "It is packed & sealed." in written(kind="cancellation_declined")[0].text


def test_an_order_that_staff_cancel_needs_no_answer_any_more() -> None:
    order = paid(customer=make_customer())
    asked(order)
    cancel(order_id=order.pk, reason="", by=ANA, at=NOW())
    assert (settle(order).status, fresh(order).attention) == ("canceled", "")


@pytest.mark.django_db(transaction=True)
def test_two_people_answer_at_once() -> None:
    order = paid(customer=make_customer())
    request = asked(order)
    both = [
        partial(approve_cancellation, request_id=request.pk, by=ANA, at=NOW()),
        partial(decline_cancellation, request_id=request.pk, answer="No.", by=ANA, at=NOW()),
    ]
    assert sorted(at_once(*both)) == ["decided_meanwhile", "done"]
    settled = [settle(order)] if order.acts.filter(closed_at=None).exists() else []
    assert Mail.objects.filter(kind__in=("canceled", "cancellation_declined")).count() == 1, settled
