import json
from datetime import UTC, datetime
from typing import Any

import pytest

from billing.models import Payment
from customers.models import Customer
from ecommerce.api.serializers import staff_order_response
from ecommerce.models import OrderNote
from ecommerce.orders.tags import tag
from ecommerce.webhooks.payloads import ObjectGone, object_of
from tests.support.factories import ANA, make_address, make_card, make_customer, make_sku, place_order
from tests.support.returned import opened, sent
from tests.support.rows import a_paid_order, a_refund

pytestmark = pytest.mark.django_db


def test_an_order_is_as_the_staff_api_shows_it_without_notes_and_secrets(fake_stripe: Any) -> None:
    ada = make_customer()
    order = place_order(customer=ada, card_id=make_card(ada).pk, token="")
    tag(order_id=order.pk, add=["VIP"], by=ANA, at=datetime(2026, 11, 28, tzinfo=UTC))
    OrderNote.objects.create(order=order, text="Called, no answer", **ANA.columns)
    shown = staff_order_response(order).model_dump(mode="json")["data"]["order"]
    carried = object_of("order", order.pk)
    assert carried == {name: value for name, value in shown.items() if name not in {"notes", "client_secret"}}
    assert carried["tags"] == ["VIP"]
    assert carried["source"] == {"brand": "visa", "last4": "4242"}


def test_the_secret_that_pays_an_order_stays_here(fake_stripe: Any) -> None:
    order = place_order(token="pm_card_authenticationRequired")
    secret = Payment.objects.get().client_secret
    carried = object_of("order", order.pk)
    assert secret
    assert secret not in json.dumps(carried)
    assert carried["payment_status"] == "requires_action"


def test_a_refund_comes_with_its_order(db: None) -> None:
    refund = a_refund(a_paid_order(make_customer(), make_sku()), 500)
    carried = object_of("refund", refund.pk)
    order = carried.pop("order")
    assert carried == {
        "id": refund.pk,
        "object": "refund",
        "amount": 500,
        "fees": 0,
        "currency": "usd",
        "status": "succeeded",
        "reason": "Broken",
        "failure": "",
        "settled_outside": False,
        "stripe_refund_id": refund.stripe_refund_id,
        "credit_note": refund.credit_note.number,
        "created": refund.requested_at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
    }
    assert (order["object"], order["amount_refunded"]) == ("order", 500)


def test_a_refund_that_failed_says_why(db: None) -> None:
    order = a_paid_order(make_customer(), make_sku())
    refund = a_refund(order, 500, status="failed", failure_message="The card is closed.")
    carried = object_of("refund", refund.pk)
    assert (carried["status"], carried["failure"]) == ("failed", "The card is closed.")
    assert carried["credit_note"] is None


def test_a_dispute_comes_with_its_order(db: None) -> None:
    order = a_paid_order(make_customer(), make_sku())
    payment = Payment.objects.get()
    Payment.objects.update(stripe_dispute_id="dp_1", dispute="open", dispute_reason="fraudulent")
    carried = object_of("dispute", payment.pk)
    assert carried.pop("order")["number"] == order.number
    assert carried == {
        "id": "dp_1",
        "object": "dispute",
        "amount": order.total,
        "currency": "usd",
        "status": "open",
        "reason": "fraudulent",
        "stripe_payment_intent_id": payment.stripe_payment_intent_id,
    }


def test_a_return_says_what_comes_back(fake_stripe: Any) -> None:
    order = sent()
    one = opened(order, 2)
    carried = object_of("return", one.pk)
    assert carried["order"]["number"] == order.number
    assert (carried["object"], carried["number"], carried["status"]) == ("return", one.number, "approved")
    assert (carried["reason"], carried["closed"]) == ("Too small", None)
    assert [(row["product_sku_code"], row["quantity"], row["received"]) for row in carried["items"]] == [("MUG", 2, 0)]


def test_a_customer_has_addresses_and_no_cards(db: None) -> None:
    ada = make_customer(phone="+44 20 7946 0000")
    make_address(ada)
    carried = object_of("customer", ada.pk)
    assert {name: carried[name] for name in ("object", "email", "first_name", "phone", "tax_id")} == {
        "object": "customer",
        "email": "ada@example.com",
        "first_name": "Ada",
        "phone": "+44 20 7946 0000",
        "tax_id": "",
    }
    assert [(each["type"], each["city"], each["country"]) for each in carried["addresses"]] == [
        ("shipping", "London", "GB")
    ]
    assert not {"sources", "stripe_customer_id", "user"} & set(carried)


def test_of_a_customer_who_is_gone_only_the_id_is_told(db: None) -> None:
    ada = make_customer()
    Customer.objects.filter(pk=ada.pk).update(erased_at=datetime(2026, 11, 28, tzinfo=UTC))
    stub = {"id": ada.pk, "object": "customer", "deleted": True}
    assert object_of("customer", ada.pk) == stub
    Customer.objects.filter(pk=ada.pk).delete()
    assert object_of("customer", ada.pk) == stub


def test_a_sku_says_when_its_stock_is_low(db: None) -> None:
    sku = make_sku(stock=3)
    carried = object_of("sku", sku.pk)
    assert (carried["object"], carried["code"], carried["inventory_quantity"]) == ("sku", "MUG-RED", 3)
    assert (carried["low_stock_at"], carried["price"], carried["currency"]) == (5, 1500, "usd")
    sku.low_stock_at = 2
    sku.save()
    assert object_of("sku", sku.pk)["low_stock_at"] == 2


@pytest.mark.parametrize("kind", ["order", "refund", "dispute", "return", "sku"])
def test_of_what_is_gone_there_is_nothing_to_tell(db: None, kind: str) -> None:
    with pytest.raises(ObjectGone):
        object_of(kind, 1_000_000)
