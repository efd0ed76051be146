"""Cancellations, returns and withdrawals through the API."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from customers.models import Customer, Mail
from ecommerce.api import throttling
from ecommerce.models import Fulfillment, Order, OrderItem, Reason, Return, ShopSettings
from ecommerce.orders.fulfill import fulfill
from ecommerce.orders.returns import decline_return
from tests.support.api_client import SDK, Answer, Api, paying
from tests.support.factories import ANA, make_address, make_sku
from tests.support.order_acts import fresh, settle

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("balanced")]
ORDERS = f"{SDK}/ecommerce/orders"
WHY = {"reason": "Ordered by mistake"}


@pytest.fixture
def order(ada: Api, customer: Customer) -> Order:
    body = paying(make_sku(shippable=True, stock=10), quantity=2)
    ada.order({**body, "address_id": make_address(customer, by_customer=True).pk})
    return Order.objects.get()


@pytest.fixture
def sent(order: Order) -> Order:
    return fulfill(order_id=order.pk, by=ANA, at=timezone.now())


def post(api: Api, order: Order, what: str, **body: Any) -> Answer:
    return api.post(f"{ORDERS}/{order.number}/{what}", body)


def some(order: Order, quantity: int) -> list[dict[str, int]]:
    return [{"id": order.items.get().pk, "quantity": quantity}]


def test_the_reasons_are_those_that_staff_offer(db: None) -> None:
    Reason.objects.filter(kind="cancel").update(active=False)
    Reason.objects.create(kind="cancel", text="Twice", position=1)
    answer = Api().get(f"{SDK}/ecommerce/reasons")
    assert (answer.status, answer.data["cancel"]) == (200, ["Twice"])
    assert answer.data["return"] == list(Reason.objects.texts("return"))


def test_a_customer_asks_to_cancel(ada: Api, order: Order) -> None:
    answer = post(ada, order, "cancellation", **WHY)
    assert (answer.status, answer.data["canceled"], answer.order["status"]) == (200, False, "paid")
    assert order.customer_requests.get().reason == "Ordered by mistake"
    assert post(ada, order, "cancellation", **WHY).status == 200
    assert order.customer_requests.count() == 1


def test_within_the_minutes_it_is_canceled_at_once(ada: Api, order: Order) -> None:
    ShopSettings.objects.update_or_create(pk=1, defaults={"cancel_minutes": 30})
    answer = post(ada, order, "cancellation", **WHY)
    assert (answer.status, answer.data["canceled"]) == (200, True)
    assert settle(order).status == "canceled"


def test_what_was_sent_is_returned_and_not_canceled(ada: Api, sent: Order) -> None:
    assert post(ada, sent, "cancellation", **WHY).refused == (422, "already_sent")
    answer = post(ada, sent, "returns", items=some(sent, 1), reason="Too small")
    made = Return.objects.get()
    assert answer.order["returns"] == [
        {
            "number": made.number,
            "status": "requested",
            "is_withdrawal": False,
            "answer": "",
            "requested": answer.order["returns"][0]["requested"],
            "items": [{"id": sent.items.get().pk, "quantity": 1, "received": 0}],
        }
    ]
    decline_return(return_id=made.pk, answer="It was worn.", by=ANA, at=timezone.now())
    shown = ada.get(f"{ORDERS}/{sent.number}").order["returns"][0]
    assert (shown["status"], shown["answer"]) == ("declined", "It was worn.")


@pytest.mark.parametrize(
    "body",
    [
        {"items": []},
        {"reason": ""},
        {"reason": None},
    ],
)
def test_a_return_needs_items_and_a_reason(ada: Api, sent: Order, body: dict[str, Any]) -> None:
    answer = post(ada, sent, "returns", **({"items": some(sent, 1), "reason": "Too small"} | body))
    assert answer.refused in {(422, "items_required"), (400, "malformed")}
    assert answer.error["message"]
    assert Return.objects.count() == 0


def test_too_many_and_too_late(ada: Api, sent: Order) -> None:
    assert post(ada, sent, "returns", items=some(sent, 3), **WHY).refused == (422, "invalid_items")
    Fulfillment.objects.update(delivered_at=timezone.now() - timedelta(days=31))
    assert post(ada, sent, "returns", items=some(sent, 1), **WHY).refused == (422, "return_window_over")
    OrderItem.objects.update(final_sale=True)
    ShopSettings.objects.update_or_create(pk=1, defaults={"return_days": None})
    assert post(ada, sent, "returns", items=some(sent, 1), **WHY).refused == (422, "final_sale")


def test_nobody_asks_for_the_orders_of_others(eve: Api, order: Order) -> None:
    for what, body in (("cancellation", WHY), ("returns", WHY | {"items": some(order, 1)}), ("withdraw", {})):
        assert post(eve, order, what, **body).refused == (404, "unknown_order")
    for what, body in (("cancellation", WHY), ("returns", WHY | {"items": some(order, 1)})):
        assert post(Api(), order, what, **body).refused == (401, "unauthorized")


def test_a_withdrawal_in_two_steps(ada: Api, order: Order) -> None:
    asked = post(ada, order, "withdraw", items=None).data["withdrawal"]
    assert (asked["confirmed"], asked["received_at"], asked["open_until"]) == (False, None, None)
    assert asked["items"] == [{"id": order.items.get().pk, "name": "Mug, red", "quantity": 2, "means": "cancel"}]
    assert (fresh(order).status, Mail.objects.filter(kind="withdrawal").count()) == ("paid", 0)
    done = post(ada, order, "withdraw", items=None, confirm=True).data["withdrawal"]
    assert (done["confirmed"], done["order"], done["return_number"]) == (True, order.number, None)
    assert done["received_at"]
    assert done["refund_by"] > done["received_at"]
    assert done["received_at"][11:19] in done["message"]
    assert settle(order).status == "canceled"
    assert Mail.objects.get(kind="withdrawal").recipient == "ada@example.com"
    assert post(ada, order, "withdraw", items=None, confirm=True).refused == (422, "withdrawal_closed")


def test_a_sent_order_gets_its_return(ada: Api, sent: Order) -> None:
    done = post(ada, sent, "withdraw", items=some(sent, 1), confirm=True).data["withdrawal"]
    made = Return.objects.get()
    assert (done["return_number"], made.is_withdrawal, made.status) == (made.number, True, "approved")
    assert made.number in done["message"]


def test_a_guest_names_the_order_and_its_email(order: Order) -> None:
    guest = Api()
    for body in ({}, {"email": "eve@example.com"}):
        assert post(guest, order, "withdraw", **body).refused == (404, "unknown_order")
    assert guest.post(f"{ORDERS}/999999/withdraw", {"email": "ada@example.com"}).refused == (404, "unknown_order")
    assert post(Api("wrong"), order, "withdraw", email="ada@example.com").refused == (401, "unauthorized")
    done = post(guest, order, "withdraw", email="ADA@example.com", confirm=True).data["withdrawal"]
    assert done["confirmed"] is True
    assert settle(order).status == "canceled"
    withdrawn = order.customer_requests.get()
    assert (withdrawn.by_kind, withdrawn.by_user_id, withdrawn.by_label) == (
        "customer",
        None,
        "Ada Lovelace <ada@example.com>",
    )


def test_a_guest_may_not_guess_for_long(order: Order, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttling, "GUEST_REQUESTS_PER_MINUTE", 2)
    answers = [post(Api(), order, "withdraw", email=f"a{n}@example.com").status for n in range(3)]
    assert answers == [404, 404, 429]


def test_the_law_bars_what_is_sealed(ada: Api, sent: Order) -> None:
    OrderItem.objects.update(withdrawal_exception="sealed")
    assert post(ada, sent, "withdraw", items=None).refused == (422, "withdrawal_excluded")
