"""The return window and final sales: rules for customers, warnings to staff."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from customers.actors import Actor, ActorKind
from ecommerce.customer_requests.returns import approve, ask_for_return, decline
from ecommerce.models import Fulfillment, Order, OrderItem, Return, ShopSettings
from tests.support.factories import ANA
from tests.support.mailbox import written
from tests.support.order_acts import items_of, kinds, refused
from tests.support.returned import sent

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("balanced")]
ADA = Actor(kind=ActorKind.CUSTOMER, label="Ada Lovelace <ada@example.com>")
NOW = timezone.now


def ask(order: Order, quantity: int = 1, **fields: Any) -> Return:
    chosen = [(items_of(order)[0].pk, quantity)]
    known: dict[str, Any] = {"items": chosen, "reason": "Too small", "note": "Both", "by": ADA, "at": NOW()}
    return ask_for_return(order_id=order.pk, **(known | fields))


def test_a_customer_asks_and_staff_approve_by_mail() -> None:
    order = sent()
    asked = ask(order, 2)
    assert (asked.status, asked.reason, asked.note, asked.by_kind) == ("requested", "Too small", "Both", "customer")
    approve(return_id=asked.pk, answer="Use the same box.", by=ANA, at=NOW())
    (mail,) = written(kind="return_approved")
    assert mail.recipient == "ada@example.com"
    assert asked.number in mail.subject
    assert "2 x Mug, red" in mail.text
    assert "Use the same box." in mail.text
    assert kinds(order)[-2:] == ["return_opened", "return_approved"]
    with refused("wrong_status"):
        decline(return_id=asked.pk, answer="No", by=ANA, at=NOW())


def test_staff_decline_with_a_sentence() -> None:
    asked = ask(sent())
    with refused("answer_required"):
        decline(return_id=asked.pk, answer="", by=ANA, at=NOW())
    declined = decline(return_id=asked.pk, answer="It was worn.", by=ANA, at=NOW())
    assert declined.status == "declined"
    assert "It was worn." in written(kind="return_declined")[0].text


@pytest.mark.parametrize(("days", "delivered", "allowed"), [(30, 30, True), (30, 31, False), (None, 300, True)])
def test_the_window_counts_from_delivery(days: int | None, delivered: int, *, allowed: bool) -> None:
    ShopSettings.objects.update_or_create(pk=1, defaults={"return_days": days})
    order = sent()
    Fulfillment.objects.update(delivered_at=NOW() - timedelta(days=delivered))
    if allowed:
        ask(order)
    else:
        with refused("return_window_over"):
            ask(order)


def test_without_a_known_delivery_the_window_counts_from_sending() -> None:
    ShopSettings.objects.update_or_create(pk=1, defaults={"return_days": 14})
    order = sent()
    Fulfillment.objects.update(at=NOW() - timedelta(days=15))
    with refused("return_window_over"):
        ask(order)


def test_a_final_sale_is_not_returned_by_its_customer() -> None:
    order = sent()
    OrderItem.objects.update(final_sale=True)
    with refused("final_sale"):
        ask(order)
