"""Taxes, shipping and refunds over the API."""

from decimal import Decimal
from typing import Any

import pytest

from billing.models import Refund
from customers.models import Address, Customer
from ecommerce.models import Order, ShippingRate, ShippingZone, ShopSettings, Sku, TaxRate
from tests.support.api_client import CORE, SDK, Api, paying
from tests.support.factories import make_address, make_sku
from tests.support.order_acts import settle

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("balanced")]
SUMMARY = f"{SDK}/ecommerce/order-summary"


@pytest.fixture
def tee() -> Sku:
    ShopSettings.objects.update(country="US", tax_included_currencies=[])
    TaxRate.objects.create(country="US", region="NY", name="Sales tax", percent=Decimal("8.875"))
    zone = ShippingZone.objects.create(name="Home", countries=["US"])
    for name, price in (("Express", 1500), ("Ground", 500)):
        ShippingRate.objects.create(zone=zone, name=name, currency="usd", price=price, days_from=1, days_to=3)
    return make_sku("TEE-M", product="Tee", shippable=True, price=2000)


@pytest.fixture
def home(customer: Customer) -> Address:
    return make_address(
        customer, country="US", state="NY", city="New York", postal_code="10118", line1="350 Fifth Avenue"
    )


def items(sku: Sku, quantity: int = 1) -> dict[str, Any]:
    return {"items": [{"sku_id": sku.pk, "quantity": quantity}]}


def test_the_summary_of_an_address_has_its_shipping_and_taxes(ada: Api, tee: Sku, home: Address) -> None:
    priced = ada.post(SUMMARY, {**items(tee), "address_id": home.pk}).data
    assert [(each["name"], each["price"], each["days"]) for each in priced["shipping_options"]] == [
        ("Ground", 500, [1, 3]),
        ("Express", 1500, [1, 3]),
    ]
    # 8.875 % of 25.00 is 2.21875.
    assert (priced["subtotal"], priced["shipping"], priced["taxes"], priced["total"]) == (2000, 500, 222, 2722)
    assert [(line["name"], line["rate"], line["amount"]) for line in priced["tax_lines"]] == [
        ("Sales tax", "8.875", 222)
    ]
    express = ShippingRate.objects.get(name="Express").pk
    chosen = ada.post(SUMMARY, {**items(tee), "address_id": home.pk, "shipping_rate_id": express}).data
    assert (chosen["shipping_rate_id"], chosen["total"]) == (express, 2000 + 1500 + 311)
    assert Order.objects.count() == 0


def test_an_address_that_is_not_saved_is_priced_too(ada: Api, tee: Sku) -> None:
    address = {"line1": "1 Main Street", "city": "Austin", "state": "TX", "postal_code": "78701", "country": "US"}
    priced = ada.post(SUMMARY, {**items(tee), "address": address}).data
    (line,) = priced["tax_lines"]
    assert (priced["shipping"], priced["taxes"], line["category"]) == (500, 0, "O")
    assert line["reason"] == "Not registered for tax in TX, United States."
    assert Address.objects.count() == 0


def test_without_an_address_there_is_no_shipping_yet(ada: Api, tee: Sku) -> None:
    priced = ada.post(SUMMARY, items(tee)).data
    assert (priced["shippable"], priced["shipping"], priced["shipping_options"]) == (True, 0, [])


def test_an_order_has_the_sums_of_its_summary(ada: Api, tee: Sku, home: Address) -> None:
    body = {**paying(tee), "address_id": home.pk, "expected_total": 2722}
    order = ada.order(body).order
    assert (order["shipping"], order["shipping_name"], order["tax"], order["taxes"], order["amount"]) == (
        *(500, "Ground", 222, 222),
        2722,
    )
    assert [(line["rate"], line["taxable"], line["amount"]) for line in order["tax_lines"]] == [("8.875", 2500, 222)]
    assert (order["items"][0]["tax"], order["items"][0]["discount"]) == (178, 0)
    refused = ada.order({**body, "expected_total": 2500})
    assert (refused.refused, refused.error["total"]) == ((409, "price_changed"), 2722)
    assert Order.objects.count() == 1


@pytest.mark.parametrize(
    ("change", "refused"),
    [
        ({"shipping_rate_id": 999_999}, (404, "unknown_shipping_rate")),
        ({"shipping_rate_id": "x"}, (400, "malformed")),
        ({"expected_total": -1}, (400, "malformed")),
    ],
)
def test_a_refused_shipping_orders_nothing(
    ada: Api, tee: Sku, home: Address, change: dict[str, Any], refused: tuple[int, str]
) -> None:
    answer = ada.order({**paying(tee), "address_id": home.pk, **change})
    assert answer.refused == refused
    assert Order.objects.count() == 0


def test_where_no_rate_goes_nothing_is_ordered(ada: Api, tee: Sku, customer: Customer) -> None:
    tokyo = make_address(customer, country="JP", city="Tokyo", postal_code="103-0027")
    for answer in (
        ada.post(SUMMARY, {**items(tee), "address_id": tokyo.pk}),
        ada.order({**paying(tee), "address_id": tokyo.pk}),
    ):
        assert answer.refused == (422, "no_shipping_rate")
    assert Order.objects.count() == 0


def sold(staff: Api, tee: Sku, home: Address) -> dict[str, Any]:
    body = {**paying(tee, quantity=2), "user_id": home.customer_id, "address_id": home.pk}
    return staff.post(f"{CORE}/orders", body).order


def test_staff_programs_refund_items_and_shipping(staff: Api, tee: Sku, home: Address) -> None:
    order = sold(staff, tee, home)
    path = f"{CORE}/orders/{order['number']}/refund"
    body = {"items": [{"id": order["items"][0]["id"], "quantity": 1}], "shipping": True, "reason": "Broken"}
    answer = staff.post(path, body, idempotency_key="r-1")
    assert (answer.status, answer.order["payment_status"]) == (202, "refund_in_progress")
    settled = settle(Order.objects.get())
    # 8.875 % of 45.00 is 3.99: half of the goods' 3.55 is 1.78 (or 1.77), and 0.44 of the shipping.
    assert settled.amount_refunded in {2000 + 500 + 44 + 177, 2000 + 500 + 44 + 178}
    assert staff.post(path, body, idempotency_key="r-1").status == 200
    assert staff.post(path, {**body, "shipping": False}, idempotency_key="r-1").refused == (409, "idempotency_conflict")
    assert Refund.objects.count() == 1
    assert staff.post(path, {"rest": True}).status == 202
    assert (settle(Order.objects.get()).amount_refunded, Order.objects.get().status) == (order["amount"], "paid")


@pytest.mark.parametrize(
    ("body", "refused"),
    [
        ({}, (400, "malformed")),
        ({"amount": 100, "rest": True}, (400, "malformed")),
        ({"amount": 0}, (422, "invalid_amount")),
        ({"amount": 10**9}, (422, "amount_too_large")),
        ({"items": [{"id": 10**9, "quantity": 1}]}, (422, "invalid_items")),
        ({"items": [{"id": None, "quantity": 3}]}, (422, "invalid_quantity")),
    ],
)
def test_a_refused_refund_sends_nothing(
    staff: Api, tee: Sku, home: Address, body: dict[str, Any], refused: tuple[int, str]
) -> None:
    order = sold(staff, tee, home)
    for item in body.get("items", []):
        item["id"] = item["id"] or order["items"][0]["id"]
    answer = staff.post(f"{CORE}/orders/{order['number']}/refund", body)
    assert answer.refused == refused
    assert Refund.objects.count() == 0
