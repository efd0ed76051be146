"""Parcels over the API: programs send them, customers see them."""

from unittest.mock import ANY

import pytest
from django.utils import timezone

from customers.models import Customer
from ecommerce.models import Fulfillment, Order
from ecommerce.orders.undo_fulfillment import undo_fulfillment
from tests.support.api_client import CORE, SDK, Answer, Api
from tests.support.factories import ANA, make_sku
from tests.support.order_acts import counts, items_of, paid_lines

pytestmark = pytest.mark.django_db
UPS = "1Z5R89390357567127"


@pytest.fixture
def order(customer: Customer) -> Order:
    """A paid order of 3 mugs, and a book to download."""
    return paid_lines((make_sku("MUG", shippable=True), 3), (make_sku("E-BOOK"), 1))


def send(staff: Api, order: Order, *, key: str = "", **body: object) -> Answer:
    headers = {"idempotency_key": key} if key else {}
    return staff.post(f"{CORE}/orders/{order.number}/fulfill", body, **headers)


def test_an_order_is_sent_item_by_item(staff: Api, order: Order) -> None:
    mugs, book = items_of(order)
    two = [{"id": mugs.pk, "quantity": 2}]
    sent = send(staff, order, items=two, tracking_number=UPS, further_tracking_numbers=["own van"]).order
    assert (sent["status"], sent["fulfillment_state"]) == ("paid", "partial")
    url = f"https://www.ups.com/track?tracknum={UPS}"
    assert sent["fulfillments"] == [
        {
            "id": ANY,
            "carrier": "UPS",
            "tracking_number": UPS,
            "tracking_url": url,
            "tracking": [{"number": UPS, "url": url}, {"number": "own van", "url": ANY}],
            "items": [{"id": mugs.pk, "quantity": 2}],
            "created": ANY,
            "delivered": None,
        }
    ]
    names = ("id", "shippable", "quantity", "fulfilled", "canceled", "returned")
    assert [[item[name] for name in names] for item in sent["items"]] == [
        [mugs.pk, True, 3, 2, 0, 0], [book.pk, False, 1, 0, 0, 0],
    ]  # fmt: skip
    sent = send(staff, order).order
    assert (sent["status"], sent["fulfillment_state"], len(sent["fulfillments"])) == ("fulfilled", "", 2)
    assert sent["fulfillment"]["tracking_number"] == UPS


def test_a_voided_parcel_is_not_told(staff: Api, order: Order) -> None:
    send(staff, order)
    undo_fulfillment(order_id=order.pk, reason="", by=ANA, at=timezone.now())
    told = staff.get(f"{CORE}/orders/{order.number}").order
    assert (told["fulfillments"], told["fulfillment"], told["fulfillment_state"]) == ([], None, "")


def test_what_is_refused(staff: Api, order: Order) -> None:
    mugs, book = items_of(order)
    for items, refused in (
        ([], (422, "items_required")),
        ([{"id": mugs.pk, "quantity": 0}], (422, "invalid_quantity")),
        ([{"id": mugs.pk, "quantity": 4}], (422, "invalid_items")),
        ([{"id": book.pk, "quantity": 1}], (422, "invalid_items")),
        ([{"id": 0, "quantity": 1}], (400, "malformed")),
    ):
        assert send(staff, order, items=items).refused == refused
    Order.objects.filter(pk=order.pk).update(on_hold=True)
    assert send(staff, order).refused == (422, "on_hold")
    assert Fulfillment.objects.count() == 0


def test_the_same_request_with_its_key_sends_once(staff: Api, order: Order) -> None:
    mugs, _book = items_of(order)
    one = [{"id": mugs.pk, "quantity": 1}]
    first, again = (send(staff, order, key="A", items=one, carrier="DHL") for _time in range(2))
    assert (first.status, again.status, first.order == again.order) == (200, 200, True)
    assert send(staff, order, key="A", items=one, carrier="GLS").refused == (409, "idempotency_conflict")
    assert counts(order)[0] == (1, 0, 0)
    send(staff, order, key="B", items=one, carrier="DHL")
    assert counts(order)[0] == (2, 0, 0)
    last = [send(staff, order, key="C") for _time in range(2)]
    assert [(each.status, each.order["status"]) for each in last] == [(200, "fulfilled")] * 2


def test_customers_see_their_parcels(staff: Api, ada: Api, order: Order) -> None:
    send(staff, order, items=[{"id": items_of(order)[0].pk, "quantity": 1}], tracking_number=UPS)
    seen = ada.get(f"{SDK}/ecommerce/orders/{order.number}").order
    assert [parcel["tracking_url"] for parcel in seen["fulfillments"]] == [f"https://www.ups.com/track?tracknum={UPS}"]
    assert [(item["quantity"], item["fulfilled"]) for item in seen["items"]] == [(3, 1), (1, 0)]
