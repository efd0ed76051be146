"""An order of 40 lines, sent, canceled and returned in part: page, API, file and documents tell the same story."""

import csv
import io
from collections.abc import Callable
from typing import Any

import pytest
from django.db.models import Sum
from django.utils import timezone

from backoffice.file_storage import storage
from billing.models import CreditNote, Invoice
from customers.models import Address
from ecommerce.models import ApiKey, Order, Sku
from ecommerce.orders.cancel_items import cancel_items
from ecommerce.orders.fulfill import fulfill
from ecommerce.orders.returns import Received, close_return, open_return, receive_return
from tests.support.admin import signed_in
from tests.support.api_client import CORE, Api
from tests.support.bulk_jobs import a_clerk, run
from tests.support.factories import ANA, make_sku
from tests.support.german import ordered
from tests.support.order_acts import counts, fresh, items_of, settle

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("balanced")]
NOW = timezone.now
BY: dict[str, Any] = {"by": ANA}


@pytest.fixture
def order(germany: Address) -> Order:
    """40 lines of 2 units each, at 10.00, 10.01 and so on; 5 of each were in stock."""
    skus = [
        make_sku(f"WARE-{n:02}", shippable=True, stock=5, price=1000 + n, currency="eur", name="") for n in range(40)
    ]
    return ordered(germany, *skus, quantity=2)


def test_an_order_of_forty_lines(order: Order, ledger: Callable[[], dict[str, Any]]) -> None:
    items = items_of(order)
    gone = [(item.pk, 2) for item in items[:3]]
    cancel_items(order_id=order.pk, items=gone, reason="Sold out", at=NOW(), **BY)
    assert settle(order).amount_refunded == 2 * (1000 + 1001 + 1002)
    for first in range(3, 40, 8):
        parcel = [(item.pk, 2) for item in items[first : first + 8]]
        fulfill(order_id=order.pk, items=parcel, carrier="DHL", at=NOW(), **BY)
    assert (fresh(order).status, order.fulfillments.count()) == ("fulfilled", 5)

    first, second = items[3].pk, items[4].pk
    one = open_return(order_id=order.pk, items=[(first, 1), (second, 1)], reason="", approved=True, at=NOW(), **BY)
    goes = (
        (Received(item_id=first, quantity=1, condition="resellable"), False),
        (
            Received(item_id=second, quantity=1, condition="damaged"),
            True,
        ),
    )
    for came, complete in goes:
        receive_return(return_id=one.pk, received=[came], complete=complete, at=NOW(), **BY)
    close_return(return_id=one.pk, refund=True, shipping=True, fees=(), at=NOW(), **BY)
    done = settle(order)

    refunded = 2 * (1000 + 1001 + 1002) + 1003 + 1004 + 490
    assert (done.status, done.amount_refunded) == ("fulfilled", refunded)
    assert counts(order) == [(0, 2, 0)] * 3 + [(2, 0, 1)] * 2 + [(2, 0, 0)] * 35
    stock = Sku.objects.order_by("pk").values_list("inventory_quantity", flat=True)
    assert list(stock) == [5] * 3 + [4, 3] + [3] * 35
    _documents_are_the_money(done, ledger())
    _page_api_and_file_agree(done)


def _documents_are_the_money(order: Order, stripe: dict[str, Any]) -> None:
    invoiced = Invoice.objects.get().total
    credited = CreditNote.objects.aggregate(sum=Sum("amount"))["sum"]
    taken = sum(each["amount"] for each in stripe["payment_intents"])
    sent_back = sum(each["amount"] for each in stripe["refunds"])
    assert (taken, sent_back, taken - sent_back) == (invoiced, credited, order.total - order.amount_refunded)


def _page_api_and_file_agree(order: Order) -> None:
    key = ApiKey.objects.create_key(name="Reads", permissions=["ecommerce.view_order"], by=ANA)[1]
    told = Api(key).get(f"{CORE}/orders/{order.number}").order
    job = run("export", [order], a_clerk())
    with storage().open(job.file) as file:
        (row,) = csv.DictReader(io.StringIO(bytes(file.read()).decode(), newline=""))
    page = signed_in("ecommerce.view_order").get(f"/admin/ecommerce/order/{order.pk}/change/").content.decode()
    assert (told["amount"], told["amount_refunded"]) == (order.total, order.amount_refunded)
    assert (row["total"], row["refunded"]) == (f"{order.total / 100:.2f}", f"{order.amount_refunded / 100:.2f}")
    assert f"EUR {order.amount_refunded / 100:.2f}" in page
    assert (told["status"], row["status"]) == ("fulfilled", "fulfilled")
