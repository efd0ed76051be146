"""One page of what customers asked for, answered one by one or in bulk."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from customers.actors import Actor, ActorKind
from customers.models import Mail
from ecommerce.customer_requests.cancellations import ask_to_cancel
from ecommerce.customer_requests.withdrawals import withdraw
from ecommerce.models import CustomerRequest, Order, Return
from ecommerce.orders.refund import refund
from ecommerce.orders.refund_quotes import RefundRequest
from tests.support.factories import ANA, make_customer
from tests.support.forms import filled_in, sentences
from tests.support.mailbox import written
from tests.support.order_acts import fresh, paid, settle
from tests.support.returned import opened, sent

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("balanced")]
PAGE = "/admin/ecommerce/customerrequest/"
ADA = Actor(kind=ActorKind.CUSTOMER, label="Ada Lovelace <ada@example.com>")
AsRole = Callable[[str], Client]
NOW = timezone.now


@pytest.fixture
def support(as_role: AsRole) -> Client:
    return as_role("Support")


def asked_to_cancel() -> Order:
    order = paid(customer=make_customer(f"c{Order.objects.count()}@example.com"))
    return ask_to_cancel(order_id=order.pk, reason="Takes too long", by=ADA, at=NOW())


def keys() -> dict[str, list[str]]:
    requests = [f"request-{pk}" for pk in CustomerRequest.objects.values_list("pk", flat=True)]
    return {"chosen": [*requests, *(f"return-{pk}" for pk in Return.objects.values_list("pk", flat=True))]}


def answered() -> list[str]:
    """Give the kinds of the mails that answer customers."""
    before = ("order_confirmed", "shipped")
    return sorted(Mail.objects.exclude(kind__in=before).values_list("kind", flat=True))


def test_nobody_waits(support: Client) -> None:
    assert "Nobody waits for an answer" in sentences(support.get(PAGE))


def test_the_page_lists_all_that_waits_with_its_deadline(support: Client) -> None:
    order, one = asked_to_cancel(), opened(sent(), 2, approved=False)
    CustomerRequest.objects.update(requested_at=NOW() - timedelta(days=3))
    text = sentences(support.get(PAGE))
    for word in (order.number, "Takes too long", one.number, "2 x Mug, red", "Overdue since", "Due"):
        assert word in text
    assert "2 wait for an answer" in sentences(support.get("/admin/"))
    only = sentences(support.get(PAGE, {"order": order.pk}))
    assert one.number not in only
    assert f"{PAGE}?order={order.pk}" in support.get(f"/admin/ecommerce/order/{order.pk}/change/").content.decode()


def test_many_are_approved_at_once_and_the_button_names_the_money(support: Client) -> None:
    first, second = asked_to_cancel(), asked_to_cancel()
    one = opened(sent(), 1, approved=False)
    asks = support.post(PAGE, {"act": "approve", **keys()})
    assert "Approve 3 requests, refund USD 30.00" in sentences(asks)
    assert answered() == []
    sent_form = {"act": "approve", "confirmed": "1", "money": "USD 30.00", "answer": "", **keys()}
    done = support.post(PAGE, sent_form, follow=True)
    assert "3 requests are answered." in sentences(done)
    assert [settle(order).status for order in (first, second)] == ["canceled", "canceled"]
    assert Return.objects.get(pk=one.pk).status == "approved"
    assert answered() == ["canceled", "canceled", "return_approved"]


def test_another_amount_is_asked_about_again(support: Client) -> None:
    asked_to_cancel()
    form = {"act": "approve", "confirmed": "1", "money": "USD 1.00", "answer": "Yes", **keys()}
    again = support.post(PAGE, form)
    assert again.status_code == 409
    assert "The amount is another one now." in sentences(again)
    assert answered() == []


def test_declining_needs_a_sentence(support: Client) -> None:
    order = asked_to_cancel()
    page = support.get(PAGE, {"act": "decline", **keys()})
    typed = filled_in(page) | keys()
    assert support.post(PAGE, typed | {"answer": " "}).status_code == 409
    support.post(PAGE, typed | {"answer": "It is packed."})
    assert (fresh(order).status, fresh(order).attention) == ("paid", "")
    assert "It is packed." in written(kind="cancellation_declined")[0].text
    assert "It is packed." in sentences(support.get(PAGE))


def test_a_withdrawal_that_had_to_wait_is_carried_out(support: Client) -> None:
    order = paid(customer=make_customer())
    refund(order_id=order.pk, request=RefundRequest(amount=100), reason="", by=ANA, at=NOW())
    withdraw(order_id=order.pk, items=None, by=ADA, at=NOW())
    form = {"act": "approve", "confirmed": "1", "money": "", "answer": "", **keys()}
    assert "waits for Stripe" in sentences(support.post(PAGE, form, follow=True))
    settle(order)
    support.post(PAGE, form)
    assert settle(order).status == "canceled"


def test_each_answer_needs_its_permission(as_role: AsRole) -> None:
    asked_to_cancel()
    viewer = as_role("Viewer")
    assert "Approve" not in sentences(viewer.get(PAGE)).split("Answered")[0]
    assert viewer.post(PAGE, {"act": "approve", **keys()}).status_code == 403


def test_what_was_answered_meanwhile_is_not_answered_twice(support: Client) -> None:
    order = asked_to_cancel()
    form = {"act": "approve", "confirmed": "1", "money": "USD 15.00", "answer": "", **keys()}
    support.post(PAGE, form)
    late = support.post(PAGE, form, follow=True)
    assert "Tick what you want to answer" in sentences(late) or late.status_code == 200
    assert settle(order).status == "canceled"
    assert answered() == ["canceled"]
