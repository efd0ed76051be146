import pytest

from billing.models import Refund
from customers.models import Customer
from ecommerce.admin.orders.search import search
from ecommerce.models import Order
from tests.support.admin import order_row, paid_row
from tests.support.factories import make_customer, make_sku

pytestmark = pytest.mark.django_db


@pytest.fixture
def wanted() -> Order:
    ann = make_customer("ann.o-neil@shop.example", first_name="Ann", last_name="O'Neil", stripe_customer_id="cus_A1")
    order = paid_row("INV-000042", "pi_3Wanted", customer=ann, sku=make_sku("MUG-12.v2"), number="7001")
    Refund.objects.create(
        payment=order.invoice.payments.get(),  # type: ignore[union-attr]
        amount=100,
        currency="usd",
        status="pending",
        stripe_refund_id="re_9Back",
        by_kind="system",
        by_label="x",
    )
    order_row(number="7002", sku=make_sku("TEE-L"))
    return order


@pytest.mark.parametrize(
    "text",
    [
        "7001",
        " #7001 ",
        "ANN.O-NEIL@SHOP.EXAMPLE",
        "ann.o-neil@sh",
        "INV-000042",
        "inv-42",
        "pi_3Wanted",
        "pi_3W",
        "re_9Back",
        "re_9B",
        "cus_A1",
        "o'neil ann",
        "ANN",
        "mug-12",
        "mug-1",
        "12 mug",
        "shop.exam",
        "ann mug",
    ],
)
def test_an_order_is_found_by(wanted: Order, text: str) -> None:
    assert list(search(Order.objects.all(), text).orders) == [wanted]


@pytest.mark.parametrize(
    "text",
    ["7003", "nobody@shop.example", "INV-000043", "pi_4", "re_1", "cus_B", "an mug", "ann tee", "!?&|():*'", "ch_1"],
)
def test_nothing_is_found_by(wanted: Order, text: str) -> None:
    assert list(search(Order.objects.all(), text).orders) == []


@pytest.mark.parametrize("text", ["", "   ", "\0"])
def test_an_empty_search_finds_all(wanted: Order, text: str) -> None:
    assert search(Order.objects.all(), text).orders.count() == 2


def test_digits_that_are_no_number_find_a_sku() -> None:
    order = order_row(sku=make_sku("4006381333931"))
    assert list(search(Order.objects.all(), "4006381333931").orders) == [order]


def test_a_renamed_customer_is_found_by_the_new_name(wanted: Order) -> None:
    Customer.objects.filter(pk=wanted.customer_id).update(last_name="Hamilton")
    assert list(search(Order.objects.all(), "hamil").orders) == [wanted]
    assert list(search(Order.objects.all(), "ann o'neil").orders) == [wanted]  # the e-mail still says so


def test_a_word_of_very_many_orders_is_found_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ecommerce.admin.orders.search.BOUND", 1)
    orders = {order_row(), order_row("paid"), order_row("paid")}
    found = search(Order.objects.all(), "lovelace")
    assert found.is_sampled
    assert set(found.orders) == set(found.scan) == orders
    assert found.sample.count() == 2
    assert set(search(Order.objects.paid(), "lovelace").scan) == {order for order in orders if order.status == "paid"}
