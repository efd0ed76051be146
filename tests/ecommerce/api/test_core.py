from typing import Any
from unittest.mock import ANY

import pytest
from django.utils import timezone

from billing.models import Card, Refund
from customers.models import Customer, User
from ecommerce.models import ApiKey, NoteMention, Order, OrderNote, Sku
from ecommerce.orders.fulfill import fulfill
from ecommerce.orders.hold import hold
from ecommerce.orders.tags import tag
from ecommerce.tasks import sweep
from tests.support.api_client import CORE, SDK, Api, basket, paying
from tests.support.factories import ANA, make_coupon, make_sku, place_order
from tests.support.order_acts import books, counts, items_of
from tests.support.returned import two_lines

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("balanced")]
HOME = {
    "first_name": "Ada",
    "last_name": "Lovelace",
    "line1": "12 St James's Square",
    "city": "London",
    "state": "",
    "country": "GB",
    "postal_code": "SW1Y 4JH",
}


MAY_CORRECT = ("ecommerce.view_order", "ecommerce.add_order", "ecommerce.correct_address")


def test_staff_correct_an_address(customer: Customer) -> None:
    program = key_with(*MAY_CORRECT)
    order = made(program, customer, make_sku(shippable=True), address=HOME)
    url = f"{CORE}/orders/{order['number']}/address"
    answer = program.post(url, {"address": HOME | {"line1": "1 Aldwych", "first_name": "", "last_name": ""}})

    assert answer.status == 200
    assert (answer.order["address"]["line1"], answer.order["address"]["name"]) == ("1 Aldwych", customer.name)
    event = Order.objects.get(number=order["number"]).events.latest("pk")
    assert (event.kind, event.by_kind) == ("address_changed", "api_key")
    assert key_with("ecommerce.view_order").post(url, {"address": HOME}).status == 403


def test_only_staff_programs_see_notes_tags_holds_and_assignees(staff: Api, ada: Api, customer: Customer) -> None:
    number = made(staff, customer, make_sku())["number"]
    order = Order.objects.get(number=number)
    now = timezone.now()
    tag(order_id=order.pk, add=["VIP"], by=ANA, at=now)
    hold(order_id=order.pk, reason="Secret reason", by=ANA, at=now)
    OrderNote.objects.create(order=order, text="Secret note", **ANA.columns)
    seen = staff.get(f"{CORE}/orders/{number}").order
    listed = staff.get(f"{CORE}/orders").body["data"][0]

    assert seen == listed
    assert (seen["tags"], seen["on_hold"], seen["hold_reason"], seen["hold_until"], seen["assignee"]) == (
        ["VIP"], True, "Secret reason", None, None
    )  # fmt: skip
    assert [(note["text"], note["by"]) for note in seen["notes"]] == [("Secret note", "Ana")]
    for answer in (ada.get(f"{SDK}/ecommerce/orders"), ada.get(f"{SDK}/ecommerce/orders/{number}")):
        assert answer.status == 200
        assert not {"tags", "on_hold", "hold_reason", "assignee", "notes"} & set(str(answer.body).split("'"))
        assert "Secret" not in str(answer.body)


ORGANIZES = ("ecommerce.view_order", "ecommerce.add_order", "ecommerce.organize_order", "ecommerce.hold_order")


def test_staff_programs_organize_orders(customer: Customer) -> None:
    program = key_with(*ORGANIZES)
    number = made(program, customer, make_sku())["number"]
    url = f"{CORE}/orders/{number}"
    ana = User.objects.create_user("ana", is_staff=True, is_superuser=True)
    program.post(f"{url}/tags", {"add": ["VIP", "Gift"]})
    program.post(f"{url}/tags", {"add": ["VIP"], "remove": ["gift"]})
    program.post(f"{url}/notes", {"text": "Call @ana first"})
    held = program.post(f"{url}/hold", {"reason": "Waits for a part", "until": "2999-01-01T00:00:00Z"}).order
    assigned = program.post(f"{url}/assignee", {"username": "ana"}).order

    assert (held["on_hold"], held["hold_reason"], held["hold_until"]) == (
        True, "Waits for a part", "2999-01-01T00:00:00Z"
    )  # fmt: skip
    assert (assigned["tags"], assigned["assignee"], assigned["notes"][0]["text"]) == (["VIP"], "ana", "Call @ana first")
    assert NoteMention.objects.get().user == ana
    assert program.post(f"{url}/release").order["on_hold"] is False
    assert program.post(f"{url}/assignee", {"username": None}).order["assignee"] is None
    kinds = list(Order.objects.get(number=number).events.filter(by_kind="api_key").values_list("kind", flat=True))
    assert kinds[2:] == ["tags_changed", "tags_changed", "note_added", "held", "assigned", "released", "assigned"]


@pytest.mark.parametrize(
    ("act", "body", "status", "code"),
    [
        ("notes", {"text": " "}, 422, "invalid_note"),
        ("hold", {"reason": " "}, 422, "reason_required"),
        ("hold", {"reason": "Late", "until": "2001-01-01T00:00:00Z"}, 422, "invalid_until"),
        ("release", None, 422, "not_on_hold"),
        ("tags", {"add": ["x" * 41]}, 422, "invalid_tag"),
        ("assignee", {"username": "nobody"}, 422, "unknown_assignee"),
        ("assignee", {}, 400, "malformed"),
        ("fulfillments/1/delivered", None, 403, "permission_denied"),
    ],
)
def test_organizing_that_is_refused_changes_nothing(
    customer: Customer, act: str, body: Any, status: int, code: str
) -> None:
    program = key_with(*ORGANIZES)
    number = made(program, customer, make_sku())["number"]
    before = books()
    answer = program.post(f"{CORE}/orders/{number}/{act}", body)

    assert (answer.status, answer.body["error"]["code"]) == (status, code)
    assert books() == before
    viewer = key_with("ecommerce.view_order")
    assert viewer.post(f"{CORE}/orders/{number}/{act}", body).body["error"]["code"] == "permission_denied"


def test_a_program_records_that_a_parcel_arrived(staff: Api, customer: Customer) -> None:
    order = made(staff, customer, make_sku(shippable=True), address=HOME)
    sent = staff.post(f"{CORE}/orders/{order['number']}/fulfill", {"tracking_number": "1Z5R89390357567127"}).order
    url = f"{CORE}/orders/{order['number']}/fulfillments"
    parcel = sent["fulfillments"][0]
    assert parcel["delivered"] is None
    arrived = staff.post(f"{url}/{parcel['id']}/delivered").order["fulfillments"][0]["delivered"]

    assert arrived >= parcel["created"]
    assert staff.post(f"{url}/999/delivered").status == 404
    early = staff.post(f"{url}/{parcel['id']}/delivered", {"delivered_at": "2001-01-01T00:00:00Z"})
    assert (early.status, early.body["error"]["code"]) == (422, "invalid_time")


def key_with(*permissions: str) -> Api:
    return Api(ApiKey.objects.create_key(name="Part", permissions=list(permissions), by=ANA)[1])


def made(staff: Api, customer: Customer, sku: Sku, **more: Any) -> dict[str, Any]:
    answer = staff.post(f"{CORE}/orders", {**paying(sku), "user_id": customer.pk, **more})
    assert answer.status == 200, answer.body
    return answer.order


def test_staff_order_for_a_customer_with_a_saved_card_and_a_new_address(
    staff: Api, ada: Api, customer: Customer
) -> None:
    sku = make_sku(shippable=True)
    ada.post("/api/v1/sdk/customer/sources", {"token": "tok_visa"})
    body = {**basket(sku), "user_id": customer.pk, "source_id": Card.objects.get().pk, "coupon_code": None}
    answer = staff.post(f"{CORE}/orders", {**body, "address": HOME})

    assert answer.status == 200
    assert (answer.order["placed_via"], answer.order["customer"]["id"]) == ("api", customer.pk)
    assert answer.order["address"]["name"] == "Ada Lovelace"
    again = staff.post(f"{CORE}/orders", {**body, "address_id": customer.addresses.get().pk})
    assert again.order["address"] == answer.order["address"]
    event = Order.objects.get(number=answer.order["number"]).events.order_by("pk")[0]
    assert (event.by_kind, event.by_label) == ("api_key", str(ApiKey.objects.get()))


def test_what_cannot_be_ordered_is_refused(staff: Api, customer: Customer, mug: Sku) -> None:
    body = {**paying(mug), "user_id": customer.pk}
    for changed, refused in (
        ({"user_id": 999_999}, (404, "unknown_customer")),
        ({"user_id": None}, (400, "malformed")),
        ({"items": [{"sku_id": 999_999, "quantity": 1}]}, (404, "unknown_sku")),
        ({"coupon_code": "NONE"}, (422, "invalid_coupon")),
        ({"gateway_token": None}, (422, "card_required")),
        ({"address": {"line1": "x"}}, (400, "malformed")),
    ):
        assert staff.post(f"{CORE}/orders", body | changed).refused == refused
    assert Order.objects.count() == 0


def test_a_key_names_its_own_placements(staff: Api, customer: Customer, mug: Sku) -> None:
    body = {**paying(mug), "user_id": customer.pk}
    first, again = (staff.post(f"{CORE}/orders", body, idempotency_key="1").order["number"] for _ in range(2))
    other = key_with("ecommerce.add_order").post(f"{CORE}/orders", body, idempotency_key="1").order["number"]
    assert first == again != other


@pytest.mark.django_db(transaction=True)
def test_orders_are_fulfilled_and_returned(staff: Api, customer: Customer) -> None:
    sku = make_sku(stock=5)
    number = made(staff, customer, sku)["number"]
    sent = staff.post(f"{CORE}/orders/{number}/fulfill", {"carrier": "DHL", "tracking_number": "JD01"})
    assert (sent.status, sent.order["status"]) == (200, "fulfilled")
    assert sent.order["fulfillment"] == {"carrier": "DHL", "tracking_number": "JD01", "at": ANY}
    assert staff.post(f"{CORE}/orders/{number}/fulfill").refused == (422, "wrong_status")
    assert staff.post(f"{CORE}/orders/{number}/cancel").refused == (422, "wrong_status")

    asked = staff.post(f"{CORE}/orders/{number}/return", {"reason": "Broken", "restock": False})
    assert (asked.status, asked.order["payment_status"], asked.order["status"]) == (
        202,
        "refund_in_progress",
        "fulfilled",
    )
    Refund.objects.update(next_attempt_at=timezone.now())
    sweep()
    back = staff.get(f"{CORE}/orders/{number}").order
    assert (back["status"], back["payment_status"], back["amount_refunded"]) == ("returned", "refunded", 1500)
    sku.refresh_from_db()
    assert sku.inventory_quantity == 4


@pytest.mark.django_db(transaction=True)
def test_items_are_canceled_once_a_key(staff: Api, customer: Customer) -> None:
    order = two_lines()
    mugs, shirts = items_of(order)
    path = f"{CORE}/orders/{order.number}/cancel"
    body = {"items": [{"id": mugs.pk, "quantity": 1}], "reason": "Sold out"}
    asked = staff.post(path, body, idempotency_key="1")
    assert (asked.status, asked.order["payment_status"]) == (202, "refund_in_progress")
    Refund.objects.update(next_attempt_at=timezone.now())
    sweep()
    again = staff.post(path, body, idempotency_key="1")
    assert (again.status, again.order["status"], again.order["amount_refunded"]) == (200, "paid", 1500)
    assert counts(order) == [(0, 1, 0), (0, 0, 0)]
    too_many = {"items": [{"id": shirts.pk, "quantity": 3}]}
    assert staff.post(path, too_many, idempotency_key="2").refused == (422, "invalid_items")
    assert staff.post(path, too_many, idempotency_key="1").refused == (409, "idempotency_conflict")
    fulfill(order_id=order.pk, items=[(mugs.pk, 1)], by=ANA, at=timezone.now())
    assert staff.post(path, {}).refused == (422, "partly_fulfilled")


@pytest.mark.django_db(transaction=True)
def test_a_paid_order_is_canceled_once_its_money_went_back_and_a_free_one_at_once(
    staff: Api, customer: Customer, mug: Sku
) -> None:
    number = made(staff, customer, mug)["number"]
    first, again = (staff.post(f"{CORE}/orders/{number}/cancel", {"reason": "Twice"}) for _ in range(2))
    assert (first.status, again.status, Refund.objects.count()) == (202, 202, 1)
    assert staff.post(f"{CORE}/orders/{number}/fulfill").refused == (422, "in_progress")
    Refund.objects.update(next_attempt_at=timezone.now())
    sweep()
    assert staff.get(f"{CORE}/orders/{number}").order["status"] == "canceled"

    make_coupon("FREE", percent_off=100)
    free = made(staff, customer, mug, coupon_code="FREE")["number"]
    at_once = staff.post(f"{CORE}/orders/{free}/cancel")
    assert (at_once.status, at_once.order["status"], at_once.order["payment_status"]) == (200, "canceled", "refunded")


def test_a_declined_order_is_canceled_at_once(staff: Api, customer: Customer, mug: Sku) -> None:
    body = {**paying(mug, token="pm_card_chargeDeclined"), "user_id": customer.pk}
    declined = staff.post(f"{CORE}/orders", body)
    assert declined.refused == (402, "card_declined")
    canceled = staff.post(f"{CORE}/orders/{declined.order['number']}/cancel")
    assert (canceled.status, canceled.order["status"], canceled.order["payment_status"]) == (200, "canceled", "unpaid")
    assert canceled.order["invoice"]["status"] == "void"


def test_orders_are_listed_by_filters_and_pages(staff: Api, customer: Customer, mug: Sku) -> None:
    numbers = [made(staff, customer, mug)["number"] for _ in range(3)]
    staff.post(f"{CORE}/orders/{numbers[0]}/fulfill")

    def listed(query: str) -> list[str]:
        return [order["number"] for order in staff.get(f"{CORE}/orders?{query}").data]

    assert listed("") == numbers[::-1]
    assert listed("status=fulfilled") == [numbers[0]]
    assert listed("limit=1") == [numbers[2]]
    assert listed(f"limit=1&starting_after={numbers[2]}") == [numbers[1]]
    assert listed("email=ADA@example.com&status=paid") == [numbers[2], numbers[1]]
    assert listed(f"user_id={customer.pk}") == numbers[::-1]
    assert listed("user_id=999999") == listed("created_from=2558-02-01T00:00:00%2B19:48") == []
    now = timezone.now().isoformat().replace("+", "%2B")
    assert (listed(f"created_before={now}"), listed(f"created_from={now}")) == (numbers[::-1], [])
    for bad in ("status=lost", "limit=0", "limit=101", "user_id=x", "created_from=yesterday"):
        assert staff.get(f"{CORE}/orders?{bad}").refused == (400, "malformed")


def test_each_act_needs_its_own_permission(staff: Api, customer: Customer, mug: Sku) -> None:
    number = made(staff, customer, mug)["number"]
    nothing = key_with()
    for method, path in (
        ("GET", "/orders"),
        ("POST", "/orders"),
        ("GET", f"/orders/{number}"),
        ("POST", f"/orders/{number}/fulfill"),
        ("POST", f"/orders/{number}/cancel"),
        ("POST", f"/orders/{number}/return"),
    ):
        assert nothing.ask(method, CORE + path, {}).refused == (403, "permission_denied")
        assert Api().ask(method, CORE + path, {}).refused == (401, "unauthorized")
    assert key_with("ecommerce.view_order").get(f"{CORE}/orders/{number}").status == 200
    assert Order.objects.get().status == "paid"


def test_a_key_is_kept_as_a_hash_and_ends_when_it_is_revoked(staff: Api) -> None:
    key = ApiKey.objects.get()
    assert staff.token.split("_", 2)[2] not in str(ApiKey.objects.values())
    assert staff.get(f"{CORE}/orders").status == 200
    key.refresh_from_db()
    assert key.last_used_at is not None
    for wrong in (staff.token[:-1], staff.token + "x", f"po_{key.prefix}_", f"po_{key.prefix}", key.hash):
        assert Api(wrong).get(f"{CORE}/orders").refused == (401, "unauthorized")
    key.revoke(at=timezone.now())
    assert staff.get(f"{CORE}/orders").refused == (401, "unauthorized")


def test_an_unknown_order_is_404(staff: Api) -> None:
    assert staff.get(f"{CORE}/orders/none").refused == (404, "unknown_order")
    assert staff.post(f"{CORE}/orders/none/cancel").refused == (404, "unknown_order")


def test_an_order_that_needs_attention_is_not_fulfilled(staff: Api, customer: Customer) -> None:
    order = place_order(customer=customer)
    Order.objects.filter(pk=order.pk).update(attention="The bank disputes this payment.")
    answer = staff.post(f"{CORE}/orders/{order.number}/fulfill")
    assert (answer.status, answer.body["error"]["code"]) == (422, "needs_attention")
    assert "The bank disputes this payment." in answer.body["error"]["message"]
    assert Order.objects.get(pk=order.pk).status == "paid"
    Order.objects.update(attention="")
