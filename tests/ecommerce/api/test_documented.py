"""Every answer in the documentation is produced here, and every example of it is compared with what is answered.

After a deliberate change, `WRITE_EXAMPLES=1 pytest tests/ecommerce/api/test_documented.py` writes the examples anew.
"""

import json
import os
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest
from django.conf import LazySettings
from django.db import connection
from django.test import Client
from django.utils import timezone

from billing.models import Card, Payment, Refund
from customers.models import Customer
from devserver.fake_stripe_server import FakeStripeServer
from ecommerce.api import responses
from ecommerce.api.responses import EXAMPLES, examples, operations
from ecommerce.models import ApiKey, Order, ShippingRate, ShippingZone, ShopSettings, TaxRate
from ecommerce.orders.fulfill import fulfill
from ecommerce.orders.refund import refund
from ecommerce.orders.refund_quotes import RefundRequest
from ecommerce.tasks import sweep
from tests.support.api_client import CORE, PASSWORD, SDK, Answer, Api, sign_in
from tests.support.factories import ANA, make_coupon, make_sku
from tests.support.mailbox import deliver

AUTH, ME, SHOP = f"{SDK}/auth", f"{SDK}/customer", f"{SDK}/ecommerce"
EVERYWHERE = ("400", "401", "413", "429")
VOLATILE = {
    "auth_token": "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9…",
    "refresh_token": "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9…",
    "device_token": "eyI3IjoiWkZkUVF2UEVRUHBtIn0:1xXC4j:Sbc8s…",
    "client_secret": "pi_3Example_secret_Example",
    "key": "MQ:1vExample:4mExample",
}
STEADY = {
    r"\d{4}-\d\d-\d\dT[\d:.]+(Z|\+00:00)": "2026-11-23T10:00:00Z",
    r"\d{4}-\d\d-\d\d \d\d:\d\d UTC": "2026-11-23 10:00 UTC",
    r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC": "2026-11-23 10:00:00 UTC",
    r"by \d{4}-\d\d-\d\d": "by 2026-12-07",
    r"https?://[^/]+/pay/[^/]+/": "https://orders.example.com/pay/WyI5ZjJjIiwxXQ.Qv0c8k/",
    r"\([0-9a-f]{8}\)": "(4f1c2a9b)",
    r"CN-\d{6}": "CN-000001",  # which of two refunds the sweep's threads send first is chance
    r"http[^ ]+/documents/(invoice|credit-note):[^/]+/": r"https://orders.example.com/documents/\1:12:20787:Example/",
}
ADDRESS = {
    "first_name": "Grace",
    "last_name": "Hopper",
    "line1": "1 Main Street",
    "city": "Arlington",
    "state": "VA",
    "country": "US",
    "postal_code": "22201",
}


def steady(value: Any, name: str = "") -> Any:
    """Put an example in place of what differs each time."""
    if isinstance(value, dict):
        return {key: steady(each, key) for key, each in value.items()}
    if isinstance(value, list):
        return [steady(each, name) for each in value]
    if isinstance(value, str) and value:
        value = VOLATILE.get(name, value)
        for varying, example in STEADY.items():
            value = re.sub(varying, example, value)
    return value


class Book:
    """What was sent and answered, operation by operation."""

    def __init__(self) -> None:
        self.pages: dict[str, Any] = defaultdict(lambda: defaultdict(dict))

    def note(self, operation: str, answer: Answer, *, sent: Any = None, name: str = "") -> Answer:
        title = name or str(answer.body.get("error", {}).get("code", "ok"))
        self.pages[operation][str(answer.status)][title] = steady(answer.body)
        if sent is not None and answer.status < 300:
            self.pages[operation]["sent"][title] = steady(sent)
        return answer

    def plain(self) -> dict[str, Any]:
        written: dict[str, Any] = json.loads(json.dumps(self.pages, sort_keys=True))
        return written


@pytest.fixture
def description(db: None) -> dict[str, Any]:
    described: dict[str, Any] = Client().get("/api/openapi.json").json()
    return described


@pytest.fixture
def from_the_start(settings: LazySettings) -> None:
    """Have ids and numbers begin as in a new shop, in which one customer shows every decline."""
    settings.CARD_DECLINES_FREE = 100
    settings.CARD_DECLINES_STOP = 200
    with connection.cursor() as cursor:
        cursor.execute("ALTER SEQUENCE ecommerce_order_number RESTART")
        cursor.execute("ALTER SEQUENCE ecommerce_return_number RESTART")


@pytest.fixture
def book(from_the_start: None, fake_stripe: FakeStripeServer) -> Book:
    book = Book()
    _everywhere(book)
    grace = _signing_in(book)
    sku, shipped = make_sku(stock=4), make_sku("TEE-M", product="T-shirt", name="M", shippable=True, price=2500)
    euros = make_sku("POSTER", product="Poster", name="", currency="eur")
    for code, terms in (("SAVE10", {"percent_off": 10}), ("FREE", {"percent_off": 100})):
        make_coupon(code, **terms)
    make_coupon("GONE", percent_off=50, max_redemptions=0)
    skus = {"mug": sku.pk, "tee": shipped.pk, "poster": euros.pk}
    _taxes_and_shipping()
    _customer(book, grace, fake_stripe)
    _catalogue(book, grace, skus)
    _orders(book, grace, skus, fake_stripe)
    _core(book, skus, fake_stripe)
    _after_sale(book, grace, skus)
    _account(book, fake_stripe)
    return book


def _taxes_and_shipping() -> None:
    country, state = ADDRESS["country"], ADDRESS["state"]
    ShopSettings.objects.update(country=country)
    for region, name, percent in (("", "Sales tax", "4"), (state, "County tax", "4.875")):
        TaxRate.objects.create(country=country, region=region, name=name, percent=Decimal(percent))
    zone = ShippingZone.objects.create(name="Home", countries=[country])
    for name, price, days in (("Ground", 499, (3, 5)), ("Express", 1499, (1, 1))):
        ShippingRate.objects.create(
            zone=zone, name=name, currency="usd", price=price, days_from=days[0], days_to=days[1]
        )


def _everywhere(book: Book) -> None:
    nobody = Api("expired")
    book.note("*", nobody.ask("POST", f"{AUTH}/login", b"{"), name="not_json")
    book.note("*", nobody.post(f"{AUTH}/login", {"email": "grace@example.com"}), name="missing_field")
    book.note("*", nobody.get(ME))
    book.note("*", nobody.post(f"{AUTH}/login", {}, transfer_encoding="chunked"))
    book.note("*", nobody.post(f"{AUTH}/login", {"email": "x" * 70_000}))
    book.note("*", nobody.post(f"{AUTH}/login", {"email": "4242 4242 4242 4242", "password": "x"}))
    book.note("*", _too_many())


def _too_many() -> Answer:
    answers = [Api().post(f"{AUTH}/password/forgot", {"email": "nobody@example.com"}) for _ in range(4)]
    return answers[-1]


def _signing_in(book: Book) -> Api:
    account = {"email": "grace@example.com", "password": PASSWORD, "first_name": "Grace", "last_name": "Hopper"}

    def auth(path: str, body: Any, operation: str, api: Api | None = None) -> Answer:
        return book.note(operation, (api or Api()).post(f"{AUTH}/{path}", body), sent=body)

    grace = Api(auth("register", account, "register").data["auth_token"])
    key = _key()
    auth("email/verify", {"key": key}, "verify_email", grace)
    auth("email/verify", {"key": key}, "verify_email", grace)
    auth("register", account, "register")
    auth("register", account | {"email": "new@example.com", "password": "password"}, "register")
    auth("login", {"email": "grace@example.com", "password": PASSWORD}, "login")
    auth("login", {"email": "grace@example.com", "password": "wrong"}, "login")
    auth("password/forgot", {"email": "grace@example.com"}, "forgot_password")
    reset = {"key": _key(), "password": PASSWORD}
    auth("password/reset", reset | {"password": "123"}, "reset_password")
    auth("password/reset", reset, "reset_password")
    auth("password/reset", reset, "reset_password")
    tokens = Api().post(f"{AUTH}/login", {"email": "grace@example.com", "password": PASSWORD}).data
    spent = {"refresh_token": tokens["refresh_token"]}
    auth("refresh", spent, "refresh")
    book.note("resend_email", Api(tokens["auth_token"]).post(f"{AUTH}/email/resend"))
    book.note("logout", Api(tokens["auth_token"]).post(f"{AUTH}/logout"))
    auth("refresh", spent, "refresh")  # spent: after the rest, since it ends the sign-in
    return sign_in("grace@example.com")


def _key() -> str:
    found = re.search(r"/#(\S+)", str(deliver()[-1].body))
    assert found
    return found[1].replace("%3A", ":")


def _customer(book: Book, grace: Api, fake_stripe: FakeStripeServer) -> None:
    def tell(operation: str, method: str, path: str, body: Any = None) -> Answer:
        return book.note(operation, grace.ask(method, ME + path, body), sent=body)

    tell("change_customer", "PATCH", "", {"phone": "+1 202 555 0143"})
    tell("add_address", "POST", "/addresses", {"type": "shipping", "is_default": True, **ADDRESS})
    tell("add_source", "POST", "/sources", {"token": "tok_visa", "is_default": True})
    tell("add_source", "POST", "/sources", {"token": "tok_chargeDeclined"})
    tell("add_source", "POST", "/sources", {"token": "pm_unknown"})
    tell("add_source", "POST", "/sources", {})
    spare = grace.post(f"{ME}/sources", {"token": "tok_mastercard"}).data["sources"][-1]["id"]
    tell("choose_source", "POST", f"/sources/{spare}/default")
    tell("choose_source", "POST", "/sources/999/default")
    fake_stripe.faults({"match": "POST /v1/payment_methods", "fault": "status", "status": 503})
    tell("add_source", "POST", "/sources", {"token": "tok_visa"})
    fake_stripe.clear()
    tell("remove_source", "DELETE", f"/sources/{spare}")
    tell("remove_source", "DELETE", f"/sources/{spare}")
    tell("remove_named_source", "DELETE", f"/sources?source_id={spare}")
    spare = grace.post(f"{ME}/sources", {"token": "tok_mastercard"}).data["sources"][-1]["id"]
    tell("remove_named_source", "DELETE", f"/sources?source_id={spare}")
    tell("remove_address", "DELETE", "/addresses/999")
    extra = grace.post(f"{ME}/addresses", {"type": "billing", **ADDRESS}).data["addresses"][-1]["id"]
    tell("remove_address", "DELETE", f"/addresses/{extra}")
    tell("read_customer", "GET", "")


def _account(book: Book, fake_stripe: FakeStripeServer) -> None:
    """Run last: the account that is changed and removed is no other's."""
    Api().post(f"{AUTH}/register", {"email": "lin@example.com", "password": PASSWORD})
    wrong, right = {"current_password": "wrong"}, {"current_password": PASSWORD}
    lin = sign_in("lin@example.com")

    def tell(operation: str, path: str, body: dict[str, str]) -> Answer:
        nonlocal lin
        answer = book.note(operation, lin.post(f"{ME}/{path}", body), sent=body)
        if answer.status == 200 and "auth_token" in answer.data:
            lin = Api(answer.data["auth_token"])
        return answer

    # Ten in a minute, and no more, may ask for the password.
    for password, new in ((wrong, "x"), (right, "password"), (right, PASSWORD)):
        tell("change_password", "password", password | {"new_password": new})
    for password, email in ((wrong, "x@example.com"), (right, "grace@example.com"), (right, "no e-mail")):
        tell("change_own_email", "email", password | {"email": email})
    tell("change_own_email", "email", right | {"email": "lin.new@example.com"})
    ebook = make_sku("E-BOOK", product="E-book", name="", stock=5)
    fake_stripe.faults({"match": "POST /v1/payment_intents", "fault": "drop_after", "times": 1})
    lin.order({"items": [{"sku_id": ebook.pk, "quantity": 1}], "gateway_token": "tok_visa"})
    for body in (wrong, right):
        tell("delete_account", "delete", body)
    fake_stripe.clear()
    Payment.objects.filter(closed_at=None).update(next_attempt_at=timezone.now())
    sweep()
    tell("delete_account", "delete", right)


def _refused(sku: dict[str, int]) -> Iterator[dict[str, Any]]:
    """Give what makes a good basket a bad one, for each way in which it is refused."""
    yield {"items": [{"sku_id": 999, "quantity": 1}]}
    yield {"items": [{"sku_id": sku["mug"], "quantity": 5}]}
    yield {"items": [{"sku_id": sku["mug"], "quantity": 0}]}
    yield {"items": [{"sku_id": sku["mug"], "quantity": 1}, {"sku_id": sku["poster"], "quantity": 1}]}
    yield {"items": []}
    yield {"items": [{"sku_id": sku["mug"], "quantity": 1}] * 201}
    yield {"coupon_code": "UNKNOWN"}
    yield {"coupon_code": "GONE"}


def _catalogue(book: Book, grace: Api, sku: dict[str, int]) -> None:
    basket = {"items": [{"sku_id": sku["mug"], "quantity": 2}], "coupon_code": "SAVE10"}
    book.note("products", Api().get(f"{SHOP}/products"))
    book.note("order_summary", grace.post(f"{SHOP}/order-summary", basket), sent=basket)
    for change in _refused(sku):
        book.note("order_summary", grace.post(f"{SHOP}/order-summary", basket | change))
    tee = basket | {"items": [{"sku_id": sku["tee"], "quantity": 1}], "address": ADDRESS}
    book.note("order_summary", grace.post(f"{SHOP}/order-summary", tee), sent=tee, name="shipped_and_taxed")
    for change in ({"shipping_rate_id": 999}, {"address": ADDRESS | {"country": "JP", "state": ""}}):
        book.note("order_summary", grace.post(f"{SHOP}/order-summary", tee | change))


def _orders(book: Book, grace: Api, sku: dict[str, int], fake_stripe: FakeStripeServer) -> None:
    address = Customer.objects.get().addresses.get().pk
    items = [{"sku_id": sku["mug"], "quantity": 1}]
    new = {"items": items, "payment_gateway": "stripe", "gateway_token": "tok_visa"}

    def order(body: dict[str, Any], name: str = "", **headers: str) -> Answer:
        return book.note("create_order", grace.order(body, **headers), sent=body, name=name)

    tee = [{"sku_id": sku["tee"], "quantity": 1}]
    paid = order({"items": tee, "source_id": _card(), "address_id": address, "coupon_code": "SAVE10"}, "saved_card")
    order(new, "new_card", idempotency_key="basket-1")
    order({"items": items, "coupon_code": "FREE"}, "nothing_to_pay")
    order(new | {"coupon_code": "SAVE10"}, idempotency_key="basket-1")
    declined = order(new | {"gateway_token": "tok_chargeDeclinedInsufficientFunds"})
    secure = order({"items": tee, "address_id": address, "gateway_token": "pm_card_authenticationRequired"})
    fake_stripe.faults({"match": "POST /v1/payment_intents", "fault": "drop_before"})
    waiting = order({"items": tee, "address_id": address, "source_id": _card()}, "processing")
    for change in (*_refused(sku), {"gateway_token": None}, {"items": tee}, {"items": tee, "address_id": 999}):
        order(new | change)
    order({"items": items, "source_id": 999})
    _paying(book, grace, [each.order["number"] for each in (declined, secure, waiting)], fake_stripe)
    book.note("list_own_orders", grace.get(f"{SHOP}/orders?limit=1"))
    book.note("read_own_order", grace.get(f"{SHOP}/orders/{paid.order['number']}"))
    book.note("read_own_order", grace.get(f"{SHOP}/orders/unknown"))


def _card() -> int:
    """Give the saved card; typed again, it is another row."""
    return Card.objects.get(removed_at=None).pk


def _paying(book: Book, grace: Api, numbers: list[str], fake_stripe: FakeStripeServer) -> None:
    declined, secure, waiting = numbers

    def tell(operation: str, number: str, act: str, body: Any = None, name: str = "") -> Answer:
        return book.note(operation, grace.ask("POST", f"{SHOP}/orders/{number}/{act}", body), sent=body, name=name)

    # Stripe still answers nothing.
    tell("confirm_order", waiting, "confirm", name="processing")
    tell("pay_order", waiting, "pay", {"gateway_token": "tok_visa"})
    Order.objects.filter(number=waiting).update(customer=Customer.objects.create(email="other@example.com"))
    tell("pay_order", declined, "pay", {"gateway_token": "tok_visa"}, "processing")
    fake_stripe.clear()
    Payment.objects.filter(closed_at=None).update(next_attempt_at=timezone.now())
    sweep()
    tell("pay_order", declined, "pay", {"gateway_token": "tok_visa"})
    tell("pay_order", "unknown", "pay", {"gateway_token": "tok_visa"})
    again = grace.order({"items": _mug(), "gateway_token": "tok_chargeDeclined"}).order["number"]
    tell("pay_order", again, "pay", {"gateway_token": "tok_chargeDeclinedExpiredCard"})
    tell("pay_order", again, "pay", {"gateway_token": "pm_card_authenticationRequired"})
    tell("pay_order", again, "pay", {"gateway_token": "src_1"})
    tell("pay_order", again, "pay", {"source_id": 999})
    tell("pay_order", again, "pay", {"gateway_token": "tok_visa"}, "another_card")
    _no_stock_left(tell, grace)
    tell("confirm_order", secure, "confirm")
    intent = Payment.objects.get(invoice__order__number=secure)
    fake_stripe.post(f"3ds/{intent.stripe_payment_intent_id}", {"outcome": "complete"})
    tell("confirm_order", secure, "confirm", name="paid")
    tell("confirm_order", "unknown", "confirm")


def _mug() -> list[dict[str, int]]:
    return [{"sku_id": 1, "quantity": 1}]


def _no_stock_left(tell: Any, grace: Api) -> None:
    last = make_sku("LAST", product="Print", name="last", stock=1)
    items = [{"sku_id": last.pk, "quantity": 1}]
    late = grace.order({"items": items, "gateway_token": "tok_chargeDeclined"}).order["number"]
    assert grace.order({"items": items, "gateway_token": "tok_visa"}).status == 200
    tell("pay_order", late, "pay", {"gateway_token": "tok_visa"})


def _core(book: Book, sku: dict[str, int], fake_stripe: FakeStripeServer) -> None:
    staff = Api(ApiKey.objects.create_key(name="Warehouse", permissions=list(ApiKey.Permission), by=ANA)[1])
    other = Api(ApiKey.objects.create_key(name="Nothing", permissions=[], by=ANA)[1])
    user, card = Customer.objects.get(email="grace@example.com"), Card.objects.filter(removed_at=None).first()
    assert card
    sku = sku | {"mug": make_sku("MUG-BLUE", product="Mug", name="blue", stock=6).pk}
    body = {
        "user_id": user.pk,
        "source_id": card.pk,
        "items": [{"sku_id": sku["mug"], "quantity": 1}],
        "coupon_code": None,
        "address": ADDRESS,
    }

    def tell(operation: str, path: str, sent: Any = None, method: str = "POST", name: str = "", **more: str) -> Answer:
        book.note(operation, other.ask(method, f"{CORE}/orders{path}", sent))
        return book.note(operation, staff.ask(method, f"{CORE}/orders{path}", sent, **more), sent=sent, name=name)

    create = "create_order_for"
    number = tell(create, "", body, idempotency_key="1", name="saved_card").order["number"]
    tell(create, "", body | {"coupon_code": "SAVE10"}, idempotency_key="1")
    tee = {"items": [{"sku_id": sku["tee"], "quantity": 1}]}
    shipped = tell(create, "", body | tee, name="new_address").order["number"]
    new_card = {key: value for key, value in body.items() if key not in {"source_id", "address"}}
    declined = tell(create, "", new_card | {"gateway_token": "tok_chargeDeclined"}).order["number"]
    for path in (declined, number, "unknown"):
        tell("create_payment_link", f"/{path}/payment-link")
    tell(create, "", new_card | {"gateway_token": "pm_card_authenticationRequired"})
    for change in (*_refused(sku), {"user_id": 999}, {"source_id": 999}, {"source_id": None}):
        tell(create, "", body | change)
    for change in ({"address": None}, {"address": None, "address_id": 999}):
        tell(create, "", body | tee | change)
    fake_stripe.faults({"match": "POST /v1/payment_intents", "fault": "drop_before", "times": 1})
    tell(create, "", body, name="processing")
    tell("list_orders", "?status=paid&limit=1", method="GET")
    tell("read_order", f"/{number}", method="GET")
    tell("read_order", "/unknown", method="GET")
    _moving(tell, shipped)
    _sending(tell, shipped)
    several = {"items": [{"sku_id": sku["mug"], "quantity": 2}]}
    _canceling_items(tell, staff.post(f"{CORE}/orders", body | several).order)
    _undoing(tell, number, staff.post(f"{CORE}/orders", body).order["number"])


def _moving(tell: Any, number: str) -> None:
    moved = {"address": ADDRESS | {"line1": "1 Aldwych", "postal_code": "WC2B 4BZ"}, "reason": "Asked by phone"}
    tell("correct_order_address", f"/{number}/address", moved)
    tell("correct_order_address", "/unknown/address", moved)
    abroad = ADDRESS | {"city": "Berlin", "postal_code": "10115", "country": "DE"}
    tell("correct_order_address", f"/{number}/address", {"address": abroad})
    _organizing(tell, number)


def _organizing(tell: Any, number: str) -> None:
    for operation, path, sent in (
        ("change_order_tags", "tags", {"add": ["VIP"], "remove": ["New"]}),
        ("add_order_note", "notes", {"text": "Call first"}),
        ("assign_order", "assignee", {"username": None}),
        ("assign_order", "assignee", {"username": "unknown"}),
        ("hold_order", "hold", {"reason": "Waits for a part", "until": "2999-01-01T00:00:00Z"}),
        ("hold_order", "hold", {"reason": " "}),
        ("release_order", "release", None),
        ("release_order", "release", None),
        ("change_order_tags", "tags", {"add": ["x" * 41]}),
        ("add_order_note", "notes", {"text": " "}),
    ):
        tell(operation, f"/{number}/{path}", sent)
        tell(operation, f"/unknown/{path}", sent)


def _sending(tell: Any, number: str) -> None:
    tee = Order.objects.get(number=number).items.get(shippable=True)
    parcel = {"items": [{"id": tee.pk, "quantity": 1}], "tracking_number": "1Z5R89390357567127"}
    sent = tell("fulfill_order", f"/{number}/fulfill", parcel, name="items", idempotency_key="7").order
    arrived = f"/{number}/fulfillments/{sent['fulfillments'][0]['id']}/delivered"
    tell("record_parcel_delivery", arrived, {"delivered_at": "2001-01-01T00:00:00Z"})
    tell("record_parcel_delivery", arrived, {"delivered_at": None})
    tell("record_parcel_delivery", f"/{number}/fulfillments/999/delivered")
    tell("fulfill_order", f"/{number}/fulfill", parcel | {"carrier": "DHL"}, idempotency_key="7")


def _canceling_items(tell: Any, order: dict[str, Any]) -> None:
    path, item = f"/{order['number']}/cancel", order["items"][0]["id"]
    for quantity in (1, 2):
        sent = {"items": [{"id": item, "quantity": quantity}], "reason": "Sold out"}
        tell(
            "cancel_order",
            path,
            sent,
            idempotency_key="items",
            name="items_refund_in_progress" if quantity == 1 else "",
        )


def _undoing(tell: Any, number: str, other: str) -> None:
    tell("return_order", f"/{number}/return", {"reason": "Too early"})
    tell("fulfill_order", f"/{number}/fulfill", {"carrier": "DHL", "tracking_number": "JD014600003828"})
    tell("fulfill_order", f"/{number}/fulfill")
    tell("fulfill_order", "/unknown/fulfill")
    tell("cancel_order", f"/{number}/cancel", {"reason": "Too late"})
    tell("cancel_order", "/unknown/cancel")
    tell("cancel_order", f"/{other}/cancel", {"reason": "Ordered twice"}, name="refund_in_progress")
    tell("fulfill_order", f"/{other}/fulfill")
    tell("return_order", f"/{number}/return", {"reason": "Broken", "restock": False}, name="refund_in_progress")
    tell("return_order", "/unknown/return")
    sent_before = _refunding(tell)
    Refund.objects.update(next_attempt_at=timezone.now())
    sweep()
    sent_before()
    made = Order.objects.filter(status="created", money_state="payment_failed").last()
    assert made
    tell("cancel_order", f"/{made.number}/cancel", {"reason": "Never paid"}, name="unpaid")
    free = Order.objects.get(total=0)
    tell("fulfill_order", f"/{free.number}/fulfill", name="digital")
    tell("return_order", f"/{free.number}/return", {"reason": "Nothing was paid"}, name="nothing_to_refund")


def _after_sale(book: Book, grace: Api, sku: dict[str, int]) -> None:
    address = Customer.objects.get(email="grace@example.com").addresses.all()[0].pk
    body = {"items": [{"sku_id": sku["tee"], "quantity": 2}], "gateway_token": "tok_visa", "address_id": address}
    sent, waiting, other = (Order.objects.get(number=grace.order(body).order["number"]) for _number in range(3))
    fulfill(order_id=sent.pk, by=ANA, at=timezone.now())

    def tell(operation: str, number: str, act: str, body: Any, name: str = "") -> Answer:
        return book.note(operation, grace.post(f"{SHOP}/orders/{number}/{act}", body), sent=body, name=name)

    reason = {"reason": "Ordered by mistake", "note": "I meant the blue one."}
    one = [{"id": sent.items.get().pk, "quantity": 1}]
    book.note("list_reasons", Api().get(f"{SHOP}/reasons"))
    for number in (waiting.number, sent.number, "unknown"):
        tell("ask_to_cancel_order", number, "cancellation", reason)
    for number in (sent.number, waiting.number, "unknown"):
        tell("ask_to_return_items", number, "returns", {"items": one, "reason": "Doesn't fit"})
    tell("withdraw_from_order", sent.number, "withdraw", {"items": None}, "asked")
    tell("withdraw_from_order", sent.number, "withdraw", {"items": one, "confirm": True}, "return")
    guest = {"items": None, "confirm": True, "email": "grace@example.com"}
    book.note(
        "withdraw_from_order", Api().post(f"{SHOP}/orders/{other.number}/withdraw", guest), sent=guest, name="guest"
    )
    tell("withdraw_from_order", other.number, "withdraw", {"items": None, "confirm": True})
    tell("withdraw_from_order", "unknown", "withdraw", {"items": None})
    refund(order_id=waiting.pk, request=RefundRequest(amount=100), reason="Late", by=ANA, at=timezone.now())
    for name in ("left_to_staff", ""):
        tell("withdraw_from_order", waiting.number, "withdraw", {"items": None, "confirm": True}, name)


def _refunding(tell: Any) -> Callable[[], Answer]:
    """Refund an order; what is returned sends the same request again."""
    order = Order.objects.filter(status="paid", items__sku__code="TEE-M", money_state="").order_by("pk")[0]
    item = order.items.get().pk
    path = f"/{order.number}/refund"
    tell("refund_order", path, {"amount": 10_000_000})
    tell("refund_order", path, {"reason": "Nothing is said to go back"})
    tell("refund_order", "/unknown/refund", {"amount": 100})
    body = {"items": [{"id": item, "quantity": 1}], "shipping": True, "reason": "Came broken"}
    tell("refund_order", path, body, name="refund_in_progress", idempotency_key="refund-1")
    tell("refund_order", path, body | {"shipping": False}, idempotency_key="refund-1")
    free = Order.objects.filter(total=0, status="paid").first()
    assert free
    tell("refund_order", f"/{free.number}/refund", {"rest": True})
    return lambda: tell("refund_order", path, body, name="sent_again", idempotency_key="refund-1")


@pytest.mark.django_db(transaction=True, reset_sequences=True)
def test_every_example_is_what_is_answered(book: Book, description: dict[str, Any]) -> None:
    found = book.plain()
    if os.environ.get("WRITE_EXAMPLES"):
        EXAMPLES.write_text(json.dumps(found, indent=1, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")
    assert found == json.loads(EXAMPLES.read_text(encoding="utf-8"))
    missing = [
        (operation["operationId"], status)
        for operation in operations(description)
        for status in operation["responses"]
        if status not in found["*"] and status not in found.get(operation["operationId"], {})
    ]
    assert missing == []
    unknown = [
        (name, status)
        for name, page in found.items()
        for status in page
        if status != "sent" and name != "*" and status not in _of(description, name)["responses"]
    ]
    assert unknown == []


def _of(description: dict[str, Any], name: str) -> dict[str, Any]:
    return next(each for each in operations(description) if each["operationId"] == name)


@pytest.mark.django_db
def test_the_documentation_is_served_from_here() -> None:
    client = Client()
    page = client.get("/api/docs").content.decode()
    loaded = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert loaded
    for address in loaded:
        assert address.startswith("/static/")
    assert "//" not in re.sub(r"https?://www\.w3\.org\S*", "", page)


@pytest.mark.django_db
def test_each_operation_says_what_it_does_and_shows_what_is_sent(description: dict[str, Any]) -> None:
    assert description["openapi"].startswith("3.1")
    for operation in operations(description):
        assert 0 < len(operation["summary"]) < 120, operation
        body = operation.get("requestBody")
        if body:
            assert body["content"][responses.JSON]["examples"], operation["operationId"]
    assert examples()["*"]
