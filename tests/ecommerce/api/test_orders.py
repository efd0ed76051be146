from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db.models.functions import Now
from django.utils import timezone

from billing.models import Card, Payment
from customers.models import Customer
from devserver.fake_stripe_server import FakeStripeServer
from ecommerce.models import Order, Sku
from ecommerce.tasks import sweep
from tests.support.api_client import CORE, SDK, Api, basket, paying
from tests.support.factories import make_address, make_coupon, make_sku

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("balanced")]
Ledger = Callable[[], dict[str, Any]]
ORDERS = f"{SDK}/ecommerce/orders"


def test_a_customer_orders_with_a_new_card(ada: Api, mug: Sku, customer: Customer) -> None:
    answer = ada.order(paying(mug, quantity=2))

    assert answer.status == 200
    order = answer.order
    assert (order["object"], order["status"], order["payment_status"]) == ("order", "paid", "paid")
    assert (order["amount"], order["currency"], order["placed_via"]) == (3000, "usd", "website")
    item = order["items"][0]
    assert (item["product_sku_id"], item["product_sku_name"], item["quantity"]) == (mug.pk, "Mug, red", 2)
    assert order["invoice"] == {
        "number": order["invoice"]["number"],
        "status": "paid",
        "amount_paid": 3000,
        "amount_refunded": 0,
    }
    made = Order.objects.get()
    assert (made.customer, made.placed_via, made.number) == (customer, "website", order["number"])
    assert made.events.order_by("pk")[0].by_kind == "customer"


def test_the_query_and_unknown_fields_are_ignored_and_ids_may_be_texts(ada: Api, customer: Customer) -> None:
    sku, address = make_sku(shippable=True), make_address(customer)
    body = {
        **paying(sku, token="tok_visa"),
        "address_id": str(address.pk),
        "campaign_key": "spring",
        "card_expiration_month": 12,
        "site_id": 1232,
        "coupon_code": None,
    }
    answer = ada.post(f"{SDK}/ecommerce/order?site_id=1232", body)
    assert (answer.status, answer.order["address"]["city"]) == (200, "London")


def test_the_saved_card_is_charged_by_one_call(
    ada: Api, mug: Sku, fake_stripe: FakeStripeServer, ledger: Ledger
) -> None:
    ada.order(paying(mug))
    card = Card.objects.get()
    answer = ada.order({**basket(mug), "source_id": card.pk})
    assert (answer.status, answer.order["source"]) == (200, {"brand": "visa", "last4": "4242"})
    assert len(ledger()["payment_intents"]) == 2


def test_the_summary_is_what_the_order_costs(ada: Api, mug: Sku) -> None:
    make_coupon("SAVE10", percent_off=10)
    asked = {**basket(mug, quantity=3), "coupon_code": "save10"}
    summary = ada.post(f"{SDK}/ecommerce/order-summary?site_id=1", asked)

    assert summary.status == 200
    assert {name: summary.data[name] for name in ("subtotal", "shipping", "discount", "taxes", "total")} == {
        "subtotal": 4500,
        "shipping": 0,
        "discount": 450,
        "taxes": 0,
        "total": 4050,
    }
    assert summary.data["coupon"] == {"code": "SAVE10", "percent_off": 10.0, "amount_off": None}
    assert Order.objects.count() == 0
    order = ada.order({**paying(mug, quantity=3), "coupon_code": "save10"}).order
    assert (order["amount"], order["discount"], order["coupon_code"]) == (4050, 450, "SAVE10")


def test_a_total_of_zero_needs_no_card(ada: Api, mug: Sku, ledger: Ledger) -> None:
    make_coupon("FREE", percent_off=100)
    answer = ada.order({**basket(mug), "coupon_code": "FREE"})
    assert (answer.status, answer.order["payment_status"], answer.order["amount"]) == (200, "paid", 0)
    assert ledger()["payment_intents"] == []


def test_a_declined_card_keeps_the_order_and_another_card_pays_it(ada: Api, mug: Sku) -> None:
    declined = ada.order(paying(mug, token="pm_card_chargeDeclinedInsufficientFunds"))

    assert declined.refused == (402, "card_declined")
    assert declined.error["decline_code"] == "insufficient_funds"
    assert declined.error["message"] == "Your card has insufficient funds."
    assert (declined.order["status"], declined.order["payment_status"]) == ("created", "failed")
    assert declined.order["payment_error"] == "Your card has insufficient funds."
    paid = ada.post(f"{ORDERS}/{declined.order['number']}/pay", {"gateway_token": "pm_card_visa"})
    assert (paid.status, paid.order["status"], paid.order["payment_error"]) == (200, "paid", None)
    again = ada.post(f"{ORDERS}/{declined.order['number']}/pay", {"gateway_token": "pm_card_visa"})
    assert again.refused == (422, "wrong_status")


def test_a_customer_is_not_told_who_of_the_staff_did_what(ada: Api, staff: Api, mug: Sku) -> None:
    declined = ada.order(paying(mug, token="pm_card_chargeDeclined")).order["number"]
    paid = ada.order(paying(mug)).order["number"]
    for number in (declined, paid):
        staff.post(f"{CORE}/orders/{number}/cancel")
    answers = [ada.post(f"{ORDERS}/{number}/pay", {"gateway_token": "pm_card_visa"}) for number in (declined, paid)]
    assert [answer.error["message"] for answer in answers] == [
        f"Order {declined} is canceled; only a created order can be paid.",
        f"Order {paid} is paid; only a created order can be paid.",
    ]


def test_an_order_is_the_same_to_the_microsecond_however_it_is_read(ada: Api, mug: Sku) -> None:
    order = ada.order(paying(mug)).order
    assert ada.get(f"{ORDERS}/{order['number']}").order == order == ada.get(ORDERS).data[0]


def test_an_authentication_comes_with_its_secret_and_is_confirmed(
    ada: Api, mug: Sku, fake_stripe: FakeStripeServer
) -> None:
    answer = ada.order(paying(mug, token="pm_card_authenticationRequired"))

    assert answer.refused == (402, "authentication_required")
    secret = answer.error["client_secret"]
    assert secret.startswith("pi_")
    assert answer.order["client_secret"] == secret
    number = answer.order["number"]
    assert ada.post(f"{ORDERS}/{number}/confirm").refused == (402, "authentication_required")
    fake_stripe.post(f"3ds/{secret.split('_secret_')[0]}", {"outcome": "complete"})
    confirmed = ada.post(f"{ORDERS}/{number}/confirm")
    assert (confirmed.status, confirmed.order["status"]) == (200, "paid")
    assert confirmed.order["client_secret"] is None


@pytest.mark.django_db(transaction=True)
def test_an_unknown_answer_of_stripes_is_202_and_paid_later(ada: Api, mug: Sku, fake_stripe: FakeStripeServer) -> None:
    fake_stripe.faults({"match": "POST /v1/payment_intents", "fault": "drop_after", "times": 1})
    answer = ada.order(paying(mug), idempotency_key="a")

    assert (answer.status, answer.order["payment_status"]) == (202, "processing")
    Payment.objects.update(next_attempt_at=timezone.now())
    sweep()
    assert ada.get(f"{ORDERS}/{answer.order['number']}").order["payment_status"] == "paid"
    assert ada.order(paying(mug), idempotency_key="a").order["payment_status"] == "paid"


def test_the_same_key_gives_the_same_order(ada: Api, eve: Api, mug: Sku, ledger: Ledger) -> None:
    first = ada.order(paying(mug), idempotency_key="basket-1")
    again = ada.order(paying(mug), idempotency_key="basket-1")
    other = ada.order(paying(mug, quantity=2), idempotency_key="basket-1")
    hers = eve.order(paying(mug), idempotency_key="basket-1")

    assert first.order["number"] == again.order["number"] != hers.order["number"]
    assert other.refused == (409, "idempotency_conflict")
    assert ada.order(paying(mug)).order["number"] != ada.order(paying(mug)).order["number"]
    assert len(ledger()["payment_intents"]) == 4


def test_a_declined_order_sent_again_is_the_same_declined_order(ada: Api, mug: Sku) -> None:
    first = ada.order(paying(mug, token="pm_card_chargeDeclined"), idempotency_key="k")
    again = ada.order(paying(mug, token="pm_card_chargeDeclined"), idempotency_key="k")
    assert first.refused == again.refused == (402, "card_declined")
    assert Order.objects.count() == 1


def test_own_orders_are_listed_newest_first_page_by_page(ada: Api, eve: Api, mug: Sku) -> None:
    numbers = [ada.order(paying(mug)).order["number"] for _ in range(3)]
    eve.order(paying(mug))

    first = ada.get(f"{ORDERS}?limit=2")
    assert [order["number"] for order in first.data] == [numbers[2], numbers[1]]
    assert first.body["meta"] == {"has_more": True, "next": numbers[1]}
    rest = ada.get(f"{ORDERS}?limit=2&starting_after={numbers[1]}")
    assert ([order["number"] for order in rest.data], rest.body["meta"]["has_more"]) == ([numbers[0]], False)
    assert ada.get(f"{ORDERS}?starting_after=none").refused == (400, "malformed")


def test_nothing_a_customer_sends_changes_the_price(ada: Api, eve: Api, mug: Sku) -> None:
    her = Customer.objects.get(email="eve@example.com")
    item = {"sku_id": mug.pk, "quantity": 1, "price": 1, "amount": 1, "unit_price": 1, "currency": "jpy"}
    answer = ada.order(
        {
            **paying(mug),
            "items": [item],
            "amount": 1,
            "total": 1,
            "discount": 1400,
            "currency": "jpy",
            "user_id": her.pk,
            "customer_id": her.pk,
            "status": "paid",
            "placed_via": "staff",
        }
    )
    assert (answer.order["amount"], answer.order["currency"], answer.order["placed_via"]) == (1500, "usd", "website")
    assert answer.order["customer"]["email"] == "ada@example.com"


def test_one_sees_and_pays_only_ones_own(ada: Api, eve: Api, mug: Sku) -> None:
    order = ada.order(paying(mug, token="pm_card_chargeDeclined")).order
    ada.order(paying(mug))
    card = Card.objects.get()

    assert eve.get(f"{ORDERS}/{order['number']}").refused == (404, "unknown_order")
    assert eve.post(f"{ORDERS}/{order['number']}/pay", {"gateway_token": "pm_card_visa"}).status == 404
    assert eve.post(f"{ORDERS}/{order['number']}/confirm").status == 404
    assert eve.get(ORDERS).data == []
    assert eve.order({**basket(mug), "source_id": card.pk}).refused == (404, "unknown_source")
    stolen = eve.order(paying(mug, token=card.stripe_payment_method_id))
    assert stolen.refused == (402, "card_declined")
    assert eve.ask("DELETE", f"{SDK}/customer/sources/{card.pk}").refused == (404, "unknown_source")
    assert Order.objects.get(number=order["number"]).status == "created"


def test_a_price_that_has_changed_is_accepted_by_the_customer_first(ada: Api, mug: Sku, ledger: Ledger) -> None:
    order = ada.order(paying(mug, token="pm_card_chargeDeclined", quantity=2)).order
    Sku.objects.update(price=1800)
    url = f"{ORDERS}/{order['number']}/pay"
    refused = ada.post(url, {"gateway_token": "pm_card_visa"})
    assert (refused.status, refused.body["error"]["code"], refused.body["error"]["total"]) == (
        *(409, "price_changed", 3600),
    )
    assert ada.get(f"{ORDERS}/{order['number']}").order["amount"] == 3000
    odd: Any
    for odd in (3000, 3599, 0):
        assert ada.post(url, {"gateway_token": "pm_card_visa", "expected_total": odd}).status == 409
    for odd in ("3600", -1, 3600.5, 2**70, True):
        assert ada.post(url, {"gateway_token": "pm_card_visa", "expected_total": odd}).status == 400
    paid = ada.post(url, {"gateway_token": "pm_card_visa", "expected_total": 3600})
    assert (paid.status, paid.order["status"], paid.order["amount"]) == (200, "paid", 3600)
    assert [each["amount"] for each in ledger()["payment_intents"] if each["status"] == "succeeded"] == [3600]


def age_payments(by: timedelta) -> None:
    then = Now() - by
    Payment.objects.update(requested_at=then, first_sent_at=then, next_attempt_at=Now() - timedelta(seconds=1))


@pytest.mark.django_db(transaction=True)
def test_an_authentication_on_the_website_holds_stock_for_an_hour(ada: Api, mug: Sku, settings: Any) -> None:
    ada.order(paying(mug, token="pm_card_authenticationRequired"))
    payment = Payment.objects.get()
    assert payment.authenticate_within == timedelta(hours=1)
    held = Sku.objects.get().inventory_quantity
    age_payments(timedelta(minutes=55))
    sweep()
    payment.refresh_from_db()
    assert payment.next_attempt_at
    assert payment.next_attempt_at <= payment.requested_at + timedelta(hours=1)
    assert (payment.status, Sku.objects.get().inventory_quantity) == ("requires_action", held)
    age_payments(timedelta(minutes=61))
    sweep()
    payment.refresh_from_db()
    assert (payment.status, Sku.objects.get().inventory_quantity) == ("failed", held + 1)

    settings.AUTHENTICATION_MINUTES_WEBSITE = 15
    ada.order(paying(mug, token="pm_card_authenticationRequired"))
    assert Payment.objects.latest("pk").authenticate_within == timedelta(minutes=15)
    age_payments(timedelta(minutes=16))
    sweep()
