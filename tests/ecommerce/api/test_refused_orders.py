import json
from typing import Any

import pytest

from billing.models import Invoice
from customers.models import Customer
from ecommerce.models import Order, Sku
from tests.support.api_client import CORE, SDK, Api, basket, paying
from tests.support.factories import make_address, make_sku

pytestmark = pytest.mark.django_db


REFUSALS: list[tuple[dict[str, Any], tuple[int, str]]] = [
    ({"items": []}, (422, "items_required")),
    ({"items": None}, (400, "malformed")),
    ({"items": [{"sku_id": 999_999, "quantity": 1}]}, (404, "unknown_sku")),
    ({"gateway_token": None}, (422, "card_required")),
    ({"gateway_token": "src_1"}, (422, "card_required")),
    ({"gateway_token": "pm_1/../../customers"}, (422, "card_required")),
    ({"gateway_token": "tok_visa\r\nX: y"}, (422, "card_required")),
    ({"gateway_token": None, "source_id": 999_999}, (404, "unknown_source")),
    ({"coupon_code": "NONE"}, (422, "invalid_coupon")),
    ({"payment_gateway": "paypal"}, (400, "malformed")),
    ({"items": [{"sku_id": 1, "quantity": 1}] * 201}, (422, "too_many_items")),
]


@pytest.mark.parametrize(("changed", "refused"), REFUSALS)
def test_a_refused_order_is_not_made(ada: Api, mug: Sku, changed: dict[str, Any], refused: tuple[int, str]) -> None:
    assert ada.order({**paying(mug), **changed}).refused == refused
    assert (Order.objects.count(), Invoice.objects.count()) == (0, 0)


@pytest.mark.parametrize("quantity", [0, -1, 10_000, 1.5, 1.0, "1", "x", True, None, 10**30, [1]])
def test_a_quantity_is_a_whole_number_from_1_to_9999(ada: Api, mug: Sku, quantity: Any) -> None:
    answer = ada.order(paying(mug, quantity=quantity))
    assert answer.refused == (422, "invalid_quantity")
    assert answer.error["field"] == "items.0.quantity"
    assert Order.objects.count() == 0


SENTENCES = [
    ({"items": 1}, "items: write a list, as in […]."),
    ({"items": [{"quantity": 1}]}, "items.0.sku_id is missing."),
    ({"items": [{"sku_id": "x", "quantity": 1}]}, "items.0.sku_id: write a whole number, as in 1."),
    ({"items": [{"sku_id": 0, "quantity": 1}]}, "items.0.sku_id: write a number that is 1 at least."),
    ({"items": [{"sku_id": 1, "quantity": 1.5}]}, "items.0.quantity: a quantity is a whole number from 1 to 9999."),
    ({"items": [1]}, "items.0: write an object, as in {…}."),
    ({"items": []}, "Choose at least one item."),
    ({"coupon_code": 1}, "coupon_code: write a text."),
    ({"coupon_code": "x" * 256}, "coupon_code is too long: its length is 255 at most."),
    ({"payment_gateway": "paypal"}, "payment_gateway: write 'stripe'."),
    ({"save_card": "perhaps"}, "save_card: write true or false."),
]


@pytest.mark.parametrize(("changed", "sentence"), SENTENCES)
def test_what_is_malformed_says_which_field_and_what_to_write(
    ada: Api, mug: Sku, changed: dict[str, Any], sentence: str
) -> None:
    assert ada.order({**paying(mug), **changed}).error["message"] == sentence


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("limit=0", "limit: write a number that is 1 at least."),
        ("limit=x", "limit: write a whole number, as in 1."),
        ("status=lost", "status: write 'created', 'paid', 'fulfilled', 'canceled' or 'returned'."),
        ("created_from=yesterday", "created_from: write a time with its offset from UTC, as in 2026-11-23T10:00:00Z."),
        ("created_from=2026-11-23", "created_from: write a time with its offset from UTC, as in 2026-11-23T10:00:00Z."),
        ("created_from=0001-01-01T00:00%2B09:00", "created_from: write a time that is not so far away."),
    ],
)
def test_a_malformed_filter_says_what_to_write(staff: Api, query: str, sentence: str) -> None:
    assert staff.get(f"{CORE}/orders?{query}").error["message"] == sentence


def test_a_body_that_is_a_list_says_so(ada: Api) -> None:
    assert ada.ask("POST", f"{SDK}/ecommerce/order", b"[]").error["message"] == "The body: write an object, as in {…}."


def test_stock_currency_and_address_are_asked_for(ada: Api, eve: Api, customer: Customer) -> None:
    last, euros, shipped = make_sku(stock=1), make_sku("TEE", currency="eur"), make_sku("BOX", shippable=True)
    theirs = make_address(Customer.objects.get(email="eve@example.com"))

    assert ada.order(paying(last, quantity=2)).refused == (409, "out_of_stock")
    assert ada.order(paying(last, euros)).refused == (422, "mixed_currencies")
    assert ada.order(paying(shipped)).refused == (422, "address_required")
    assert ada.order({**paying(shipped), "address_id": theirs.pk}).refused == (404, "unknown_address")
    assert Order.objects.count() == 0


@pytest.mark.parametrize("body", [b"{", b"[]", b'"x"', b"1", b"\xff", b"", b"[" * 60_000, b'{"items": 1e999}'])
def test_a_body_that_is_no_order_is_malformed(ada: Api, body: bytes) -> None:
    assert ada.ask("POST", f"{SDK}/ecommerce/order", body).refused == (400, "malformed")


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "po_12345678_x"])
@pytest.mark.parametrize("path", ["order", "order-summary", "orders/1/pay", "orders/1/confirm"])
def test_without_a_token_nothing_is_ordered(mug: Sku, path: str, token: str) -> None:
    answer = Api(token).post(f"{SDK}/ecommerce/{path}", paying(mug))
    assert answer.refused == (401, "unauthorized")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
def test_a_body_is_read_as_json_whatever_it_is_called(ada: Api, mug: Sku, kind: str) -> None:
    known = {"HTTP_AUTHORIZATION": f"Bearer {ada.token}"}
    body = json.dumps(basket(mug))
    answer = ada.client.generic("POST", f"{SDK}/ecommerce/order-summary", body, kind, **known)  # type: ignore[arg-type]
    assert answer.json()["data"]["total"] == 1500
