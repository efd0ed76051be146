"""Correcting the address of a placed order."""

from typing import Any

import pytest
from django.utils import timezone

from customers.models import Customer, FrozenAddress
from ecommerce.admin.orders.search import search
from ecommerce.models import Order, ShippingZone, ShopSettings, Sku, TaxRate
from ecommerce.orders.address import correct_address
from ecommerce.orders.cancel import cancel
from ecommerce.orders.errors import OrderError
from ecommerce.orders.fulfill import fulfill
from tests.support.admin import LIST, signed_in
from tests.support.factories import ANA, make_address, make_customer, make_shipping_rate, make_sku
from tests.support.order_acts import at_once, fresh, kinds, paid, paid_lines, refused, settle

pytestmark = pytest.mark.django_db
LONDON = FrozenAddress(
    name="Grace Hopper", line1="1 Aldwych", line2="", city="London", state="", postal_code="WC2B 4BZ", country="GB"
)
BERLIN = LONDON | {"city": "Berlin", "postal_code": "10115", "country": "DE"}
VIENNA = LONDON | {"city": "Wien", "postal_code": "1010", "country": "AT"}


@pytest.fixture
def mug() -> Sku:
    return make_sku(shippable=True, currency="eur")


@pytest.fixture
def taxed() -> None:
    ShopSettings.objects.update(country="DE", tax_included_currencies=[])
    for country, percent in (("DE", 19), ("AT", 20)):
        TaxRate.objects.create(country=country, name="USt", percent=percent)


def corrected(order: Order, address: Any = LONDON, reason: str = "Typo") -> Order:
    return correct_address(order_id=order.pk, address=address, reason=reason, by=ANA, at=timezone.now())


def goes_to(order: Order) -> Any:
    return fresh(order).shipping_address


def to(address: Any, *skus: Sku) -> Order:
    make_address(make_customer(), **{**address, "name": "Ada Lovelace"})
    return paid_lines(*((sku, 2) for sku in skus))


def test_the_order_goes_elsewhere_and_the_invoice_stays(mug: Sku) -> None:
    order = to(LONDON | {"line1": "12 St James"}, mug)
    assert order.invoice
    billed = dict(order.invoice.bill_to)
    corrected(order)

    order = fresh(order)
    assert order.shipping_address == LONDON
    assert order.invoice
    assert order.invoice.bill_to == billed
    event = order.events.latest("pk")
    assert (event.kind, event.data["old"]["line1"], event.data["new"]["line1"], event.data["reason"]) == (
        "address_changed", "12 St James", "1 Aldwych", "Typo"
    )  # fmt: skip
    for text, found in (("Hopper", [order]), ("London Hopper", [order]), ("Lovelace SW1Y", [])):
        assert list(search(Order.objects.all(), text).orders) == found, text


def test_the_same_address_again_is_no_event(mug: Sku) -> None:
    order = corrected(to(LONDON, mug))
    before = kinds(order)
    corrected(order)
    assert kinds(order) == before


def test_once_a_parcel_has_left_or_nothing_is_shipped_it_is_refused(mug: Sku) -> None:
    order = to(LONDON, mug)
    item = order.items.get()
    fulfill(order_id=order.pk, items=[(item.pk, 1)], by=ANA, at=timezone.now())
    digital = paid(sku=make_sku("EBOOK", currency="eur"))
    with refused("parcel_left"):
        corrected(order)
    with refused("not_shipped"):
        corrected(digital)


@pytest.mark.parametrize("status", ["fulfilled", "canceled"])
def test_what_is_over_keeps_its_address(mug: Sku, status: str) -> None:
    order = to(LONDON, mug)
    if status == "fulfilled":
        fulfill(order_id=order.pk, by=ANA, at=timezone.now())
    else:
        cancel(order_id=order.pk, reason="", by=ANA, at=timezone.now())
        with refused("in_progress"):
            corrected(order)
        settle(order)
    with refused("wrong_status"):
        corrected(order)


def test_another_tax_is_refused_with_the_difference(mug: Sku, taxed: None) -> None:
    order = to(BERLIN, mug)
    with refused("address_changes_price"):
        corrected(order, VIENNA)
    with pytest.raises(OrderError, match=r"tax would be EUR 6[.]00 [(]EUR 0[.]30 more[)]"):
        corrected(order, VIENNA)
    assert goes_to(corrected(order, BERLIN | {"postal_code": "80331", "city": "Munich"}))["city"] == "Munich"


def test_another_tax_of_the_same_amount_is_refused(mug: Sku, taxed: None) -> None:
    TaxRate.objects.filter(country="AT").update(percent=19)
    with pytest.raises(OrderError, match=r"the tax would be USt 19 % \(AT\), not USt 19 % \(DE\)"):
        corrected(to(BERLIN, mug), VIENNA)


def test_another_price_of_shipping_is_refused_with_the_difference(mug: Sku) -> None:
    make_shipping_rate()
    austria = ShippingZone.objects.create(name="Austria", countries=["AT"])
    make_shipping_rate(austria, price=990)
    order = to(BERLIN, mug)
    with pytest.raises(OrderError, match=r"shipping would be EUR 9[.]90 [(]EUR 5[.]00 more[)]"):
        corrected(order, VIENNA)
    with refused("no_shipping_rate"):
        corrected(order, LONDON)
    assert goes_to(order)["country"] == "DE"


def test_what_is_off_sale_by_now_is_corrected_all_the_same(mug: Sku, taxed: None) -> None:
    order = to(BERLIN, mug)
    Sku.objects.filter(pk=mug.pk).update(active=False, price=1)
    corrected(order, BERLIN | {"postal_code": "80331"})
    assert goes_to(order)["postal_code"] == "80331"


@pytest.mark.django_db(transaction=True)
def test_a_parcel_and_a_correction_at_once_never_both(mug: Sku) -> None:
    order = to(LONDON | {"line1": "12 St James"}, mug)
    acts = [lambda: corrected(order), lambda: fulfill(order_id=order.pk, by=ANA, at=timezone.now())]
    done = at_once(*acts)
    order = fresh(order)
    assert order.status == "fulfilled"
    assert (done[0] == "done") == (order.shipping_address == LONDON)
    if done[0] == "done":
        assert kinds(order).index("address_changed") < kinds(order).index("fulfilled")


def test_the_page_has_the_fields_of_a_new_order_and_says_what_is_wrong(mug: Sku) -> None:
    order, client = to(LONDON, mug), signed_in("ecommerce.view_order", "ecommerce.correct_address")
    page = f"{LIST}{order.pk}/correct_address/"
    assert "1 Aldwych" in client.get(page).content.decode()
    typed = {f"address-{name}": value for name, value in LONDON.items()}
    answer = client.post(page, typed | {"address-city": ""})
    assert "This field is required" in answer.content.decode()
    client.post(page, typed | {"address-line1": "2 Aldwych", "reason": "Asked by phone"})
    assert goes_to(order)["line1"] == "2 Aldwych"
    assert Customer.objects.get().addresses.get().line1 == "1 Aldwych"
    assert signed_in("ecommerce.view_order").get(page).status_code == 403
