"""Each kind of text that staff have before them finds its order, its customer or its payment."""

from importlib import import_module
from types import SimpleNamespace

import pytest
from django.db import connection

from billing.admin.search import payments_matching
from billing.models import Card, Payment
from billing.search_terms import typed_numbers
from customers.models import Customer
from ecommerce.admin.orders.search import search
from ecommerce.models import Fulfillment, Order, OrderWords
from tests.support.admin import order_row, paid_row
from tests.support.factories import make_address, make_coupon, make_customer, make_sku, place_order

pytestmark = pytest.mark.django_db


@pytest.fixture
def wanted() -> Order:
    ann = make_customer("ann@shop.example", first_name="Ann", last_name="Bo", phone="+44 (0)20 7946-0958")
    address = make_address(ann, name="Zoe Fox", city="Bad Tölz", postal_code="SW1Y 4JH")
    order = paid_row(
        "INV-000323",
        "pi_3Wanted",
        customer=ann,
        sku=make_sku("XK-9", product="Teekanne Größe"),
        number="1323",
        subtotal=2490,
        total=2490,
        coupon=make_coupon("SUMMER-24"),
        shipping_address=address.frozen(),
    )
    card = Card.objects.create(
        customer=ann, stripe_payment_method_id="pm_1", brand="visa", last4="8431", exp_month=1, exp_year=2040
    )
    Payment.objects.update(card=card, amount=2490, stripe_charge_id="ch_3Wanted")
    Fulfillment.objects.create(
        order=order, carrier="UPS", tracking_number="1Z 999-AA1 0123456784", by_kind="system", by_label="x"
    )
    paid_row("INV-001324", "pi_other", number="1999", customer=make_customer("o@shop.example", phone="555 0100"))
    return order


PAYMENT_TEXTS = [
    *("8431", "•••• 8431", "Visa •••• 8431", "visa 8431", "ending in 8431", "24.90", "24,90", "USD 24.90", "$24.90"),
    *("24.90 usd", "ch_3Wanted", "ch_3W", "pi_3Wanted", "Order 1323", "#1323", "INV 323"),
]


@pytest.mark.parametrize(
    "text",
    [
        *PAYMENT_TEXTS,
        *("+44 20 7946 0958", "+44 (0)20 7946-0958", "020 7946 0958", "02079460958", "00442079460958", "7946 0958"),
        *("1Z 999-AA1 0123456784", "1Z999AA10123456784", "1z 999 aa1 01", "SUMMER-24", "summer-24"),
        *("teekanne", "Teekanne Grösse", "größe", "Bad Tölz", "bad tolz", "SW1Y 4JH", "sw1y4jh", "Zoe Fox"),
        *("order 1323", "Order #1323", "INV-000323", "INV 000323", "inv323", "Invoice 323", "1323, 77777"),
        *("１３２３", "\u202a1323\u202c", "ann teekanne bad"),
    ],
)
def test_an_order_is_found_by(wanted: Order, text: str) -> None:
    assert list(search(Order.objects.all(), text).orders) == [wanted]


@pytest.mark.parametrize("text", PAYMENT_TEXTS)
def test_a_payment_is_found_by(wanted: Order, text: str) -> None:
    assert [payment.invoice_id for payment in payments_matching(Payment.objects.all(), text)] == [wanted.invoice_id]


@pytest.mark.parametrize("text", ["+44 20 7946 0958", "2079460958", "SW1Y 4JH", "sw1y4jh", "bad tölz", "St James's Sq"])
def test_a_customer_is_found_by(wanted: Order, text: str) -> None:
    assert list(Customer.objects.matching(text)) == [wanted.customer]


@pytest.mark.parametrize(
    "text",
    ["EUR 24.90", "24.91", "8432", "mastercard 8431", "+44 20 7946 0959", "1Z999AA2", "WINTER", "ch_4", "SW1Y 5JH"],
)
def test_nothing_is_found_by(wanted: Order, text: str) -> None:
    assert not search(Order.objects.all(), text).orders.exists()


def test_several_numbers_find_several_orders(wanted: Order) -> None:
    others = [order_row(number=number) for number in ("1324", "1325")]
    for text in ("1323 1324, 1325", "#1323,#1324,#1325", "1323\t1324\n1325", "orders 1323, 1324 and 1325"):
        assert set(search(Order.objects.all(), text).orders) == {wanted, *others}, text
    assert typed_numbers("order 1 " * 50 + "x") == []


def test_a_number_stored_without_the_country_is_found_with_it() -> None:
    order = order_row(customer=make_customer("k@example.com", phone="030 123 4567"))
    assert list(search(Order.objects.all(), "+49 30 1234567").orders) == [order]


def test_a_corrected_address_is_found(wanted: Order) -> None:
    assert wanted.shipping_address
    Order.objects.filter(pk=wanted.pk).update(shipping_address=wanted.shipping_address | {"city": "Gmund"})
    assert list(search(Order.objects.all(), "gmund").orders) == [wanted]
    assert not search(Order.objects.all(), "tölz").orders.exists()


def test_a_payment_keeps_the_charge_that_stripe_names() -> None:
    order = place_order()
    charge = Payment.objects.get().stripe_charge_id
    assert charge.startswith("ch_")
    assert list(search(Order.objects.all(), charge).orders) == [order]


def test_a_declined_payment_keeps_its_charge_too() -> None:
    order = place_order(token="pm_card_chargeDeclined")
    assert list(search(Order.objects.all(), Payment.objects.get().stripe_charge_id).orders) == [order]


def test_words_of_existing_orders_are_rebuilt(wanted: Order, monkeypatch: pytest.MonkeyPatch) -> None:
    OrderWords.objects.update(words="")
    assert not search(Order.objects.all(), "teekanne").orders.exists()

    migration = import_module("ecommerce.migrations.0018_rebuild_words")
    monkeypatch.setattr(migration, "BATCH", 1)
    migration.rebuild(None, SimpleNamespace(connection=connection))

    assert list(search(Order.objects.all(), "teekanne").orders) == [wanted]
