"""Tax, shipping and prices by hand on the New order page, without a browser's script."""

import re
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import Group, Permission
from django.test import Client
from django.urls import reverse

from billing.models import Invoice
from customers.models import Address, Customer, User
from ecommerce.models import Order, Product, ShippingRate, ShippingZone, ShopSettings, Sku, TaxRate
from staff.discount_ceiling import set_discount_ceiling
from tests.support.factories import make_address, make_coupon, make_customer, make_sku, make_staff

pytestmark = pytest.mark.django_db

ADD, QUOTE = reverse("admin:ecommerce_order_add"), reverse("admin:ecommerce_order_quote")
SEES = ("ecommerce.add_order", "ecommerce.view_order")
GIVES = ("ecommerce.discount_order", "ecommerce.override_shipping")
CARD = {"card": "new", "token": "pm_card_visa"}


@pytest.fixture
def germany() -> Address:
    """A German shop, VAT on top in USD and included in EUR, that ships in Germany; and a customer in Berlin."""
    ShopSettings.objects.update(country="DE", tax_included_currencies=["eur"])
    for category, percent in (("standard", 19), ("reduced", 7)):
        TaxRate.objects.create(country="DE", tax_category=category, name="VAT", percent=percent)
    zone = ShippingZone.objects.create(name="Germany", countries=["DE"])
    for currency in ("usd", "eur"):
        ShippingRate.objects.create(zone=zone, name="Parcel", currency=currency, price=490, days_from=2, days_to=4)
        ShippingRate.objects.create(zone=zone, name="Express", currency=currency, price=1290)
    return make_address(make_customer(), country="DE", postal_code="10115", city="Berlin")


@pytest.fixture
def ada(germany: Address) -> Customer:
    return germany.customer


@pytest.fixture
def mug() -> Sku:
    return make_sku(shippable=True, price=2000)


@pytest.fixture
def ebook() -> Sku:
    return make_sku("EBOOK", product="Book", name="EPUB", price=900)


@pytest.fixture
def clerk(client: Client) -> Client:
    """Somebody who makes orders at the shop's own prices."""
    client.force_login(make_staff("ana", *SEES))
    return client


@pytest.fixture
def seller(client: Client) -> Client:
    """Somebody who gives discounts up to 20 percent, and changes the price of shipping."""
    user = make_staff("mia", *SEES, "ecommerce.override_shipping")
    group = Group.objects.create(name="Sellers")
    group.permissions.add(Permission.objects.get(codename="discount_order"))
    set_discount_ceiling(group, Decimal(20))
    user.groups.add(group)
    client.force_login(user)
    return client


def form(customer: Customer, *items: Sku, **more: Any) -> dict[str, Any]:
    sent: dict[str, Any] = {"customer_id": customer.pk, "key": str(uuid4()), **CARD}
    for number, sku in enumerate(items):
        sent |= {f"items-{number}-sku_id": sku.pk, f"items-{number}-quantity": 1}
    return sent | {name.replace("__", "-"): value for name, value in more.items()}


def quoted(client: Client, sent: dict[str, Any]) -> str:
    return _plain(client.post(QUOTE, sent).content.decode())


def submitted(client: Client, sent: dict[str, Any], total: int, currency: str = "usd") -> str:
    expected = {"_submit": "1", "expected_total": total, "expected_currency": currency}
    return _plain(client.post(ADD, sent | expected, follow=True).content.decode())


def refused(client: Client, sent: dict[str, Any], total: int, currency: str = "usd") -> str:
    page = submitted(client, sent, total, currency)
    assert (Order.objects.count(), Invoice.objects.count()) == (0, 0)
    assert "Nothing was ordered or charged." in page
    return page


def _plain(page: str) -> str:
    return page.replace("&#x27;", "'")


def rows(page: str) -> list[tuple[str, str]]:
    """The rows of the totals."""
    return re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", page)


def methods(page: str) -> list[tuple[str, str, bool]]:
    """The shipping methods: name, price with days, and which is chosen."""
    found = re.findall(
        r'name="shipping_rate" value="\d+"( checked)?>\s*'
        r'<span class="of-method"><strong>(.*?)</strong> <span>(.*?)</span>',
        page,
    )
    return [(name, detail, bool(checked)) for checked, name, detail in found]


def test_tax_on_top_and_shipping_are_those_of_the_saved_address(clerk: Client, ada: Customer, mug: Sku) -> None:
    page = quoted(clerk, form(ada, mug))
    assert rows(page) == [("Subtotal", "USD 20.00"), ("Shipping (Parcel)", "USD 4.90"), ("VAT 19 %", "USD 4.73")]
    assert methods(page) == [("Parcel", "USD 4.90, 2 to 4 days", True), ("Express", "USD 12.90", False)]
    assert "Submit and charge USD 29.63" in page


def test_included_tax_is_shown_per_rate(clerk: Client, ada: Customer) -> None:
    mug, book = make_sku(shippable=True, price=2000, currency="eur"), make_sku("B", product="Book", currency="eur")
    Product.objects.filter(name="Book").update(tax_category="reduced")
    page = quoted(clerk, form(ada, mug, book))
    assert rows(page)[2:] == [("Included: VAT 19 %", "EUR 3.64"), ("Included: VAT 7 %", "EUR 1.12")]
    assert "Submit and charge EUR 39.90" in page


def test_a_rate_of_zero_has_its_reason(clerk: Client, germany: Address, mug: Sku) -> None:
    zone = ShippingZone.objects.create(name="Rest", rest_of_world=True)
    ShippingRate.objects.create(zone=zone, name="Air mail", currency="usd", price=0)
    page = quoted(clerk, form(germany.customer, mug, address="new", address__country="CH", address__city="Bern"))
    assert ("Shipping (Air mail)", "USD 0.00") in rows(page)
    assert methods(page) == [("Air mail", "free", True)]
    assert "Export outside the EU, exempt by Art. 146 of Directive 2006/112/EC." in page


def test_without_an_address_it_is_said_what_is_missing(clerk: Client, germany: Address, mug: Sku) -> None:
    page = quoted(clerk, form(make_customer("bob@example.com"), mug))
    assert "Shipping and taxes are those of the address: give it to see them." in page
    assert "The shipping methods appear here once the address has its country." in page
    assert methods(page) == []


def test_a_shop_without_zones_and_what_is_not_shipped_have_no_methods(
    clerk: Client, ada: Customer, mug: Sku, ebook: Sku
) -> None:
    hidden = 'data-part="shipping" data-version="kept" hidden'
    assert hidden in quoted(clerk, form(ada, ebook))
    assert hidden not in quoted(clerk, form(ada, mug))
    ShippingZone.objects.all().delete()
    assert hidden in quoted(clerk, form(ada, mug))


def test_the_method_that_was_chosen_is_charged(clerk: Client, ada: Customer, germany: Address, mug: Sku) -> None:
    express = ShippingRate.objects.get(name="Express", currency="usd")
    sent = form(ada, mug, address=germany.pk, shipping_rate=express.pk)
    assert "Submit and charge USD 39.15" in quoted(clerk, sent)
    submitted(clerk, sent, 3915)
    order = Order.objects.get()
    assert (order.status, order.shipping, order.shipping_name, order.total) == ("paid", 1290, "Express", 3915)


def test_the_chosen_method_is_kept_while_something_else_is_wrong(seller: Client, ada: Customer, mug: Sku) -> None:
    express = ShippingRate.objects.get(name="Express", currency="usd")
    page = quoted(seller, form(ada, mug, shipping_rate=express.pk, discount="101"))
    assert f'<input type="hidden" name="shipping_rate" value="{express.pk}">' in page


def test_a_method_that_is_gone_is_replaced_by_the_cheapest_before_submit_and_refused_at_it(
    clerk: Client, ada: Customer, germany: Address, mug: Sku
) -> None:
    sent = form(ada, mug, address=germany.pk, shipping_rate=ShippingRate.objects.latest("pk").pk + 1)
    assert "Submit and charge USD 29.63" in quoted(clerk, sent)
    page = refused(clerk, sent, 2963)
    assert "This shipping method is not offered for the order; choose another." in page


def test_where_nothing_is_shipped_to_is_said_at_the_address(clerk: Client, ada: Customer, mug: Sku) -> None:
    elsewhere = make_address(ada, country="FR", city="Paris", postal_code="75001")
    sent = form(ada, mug, address=elsewhere.pk)
    sentence = "Nothing of this weight and currency is shipped to France; nothing was charged."
    assert f'data-part="delivery-note" role="status"><p class="of-problem">{sentence}' in quoted(clerk, sent)
    assert f'<a href="#delivery">{sentence}</a>' in refused(clerk, sent, 2000)


@pytest.mark.parametrize("change", ["tax", "shipping"])
def test_a_total_whose_tax_or_shipping_changed_is_not_charged(
    clerk: Client, ada: Customer, germany: Address, mug: Sku, change: str
) -> None:
    sent = form(ada, mug, address=germany.pk)
    if change == "tax":
        TaxRate.objects.filter(tax_category="standard").update(percent=20)
    else:
        ShippingRate.objects.update(price=500)
    assert "The total has changed meanwhile" in refused(clerk, sent, 2963)


def test_a_clerk_sees_nothing_of_discounts(clerk: Client, ada: Customer, mug: Sku) -> None:
    page = quoted(clerk, form(ada, mug))
    for word in ("Add a discount", "items-0-discount", "custom-", "discount_reason", "shipping_price"):
        assert word not in page


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({"discount": "10", "discount_reason": "x"}, "You may not give discounts by hand."),
        ({"items-0-discount": "10", "discount_reason": "x"}, "You may not give discounts by hand."),
        ({"custom-0-description": "Engraving", "custom-0-price": "5"}, "You may not add custom lines."),
        ({"shipping_price": "0"}, "You may not change the price of shipping."),
    ],
)
def test_what_a_clerk_sends_all_the_same_is_refused(
    clerk: Client, ada: Customer, germany: Address, mug: Sku, more: dict[str, str], sentence: str
) -> None:
    assert sentence in refused(clerk, form(ada, mug, address=germany.pk) | more, 2963)


def test_a_seller_sees_the_section_closed_and_open_once_it_is_filled_in(
    seller: Client, ada: Customer, mug: Sku
) -> None:
    assert '<details class="of-card of-manual" id="manual">' in quoted(seller, form(ada, mug))
    page = quoted(seller, form(ada, mug, discount="5"))
    assert '<details class="of-card of-manual" id="manual" open>' in page
    assert "All together may take off at most 20 % of the lines' price." in page


def test_discounts_on_a_row_and_on_the_whole(seller: Client, ada: Customer, germany: Address, mug: Sku) -> None:
    make_coupon()
    sent = form(ada, mug, address=germany.pk, items__0__discount="10", discount="1.50", discount_kind="amount")
    sent |= {"discount_reason": "Late parcel", "coupon_code": "SAVE10"}
    page = quoted(seller, sent)
    assert rows(page)[:3] == [
        ("Subtotal", "USD 20.00"),
        ("Discount by agreement", "−USD 3.50"),
        ("Discount (SAVE10)", "−USD 1.65"),
    ]
    assert "SAVE10 takes USD 1.65 off." in page
    assert "USD 2.00 off" in page
    total = int(Decimal(re.findall(r"Submit and charge USD ([0-9.]+)", page)[0]) * 100)
    submitted(seller, sent, total)
    order = Order.objects.get()
    assert (order.status, order.manual_discount, order.discount_reason) == ("paid", 350, "Late parcel")
    assert order.items.get().manual_discount == 350


def test_a_discount_needs_its_reason_and_all_that_was_typed_is_kept(
    seller: Client, ada: Customer, germany: Address, mug: Sku
) -> None:
    sent = form(ada, mug, address=germany.pk, items__0__discount="7.5%", discount="1", discount_kind="amount")
    sent |= {"custom-0-description": "Engraving", "custom-0-price": "5", "custom-0-quantity": "2"}
    sent |= {"custom-0-tax_category": "reduced", "custom-0-shippable": "on", "shipping_price": "3.00"}
    page = refused(seller, sent, 0)
    assert '<a href="#id_discount_reason">Say why the discount is given.</a>' in page
    for name, value in sent.items():
        if isinstance(value, str) and name.partition("-")[0] in {"items", "discount", "custom", "shipping_price"}:
            if name.endswith(("_kind", "tax_category")):
                assert f'<option value="{value}" selected>' in page
            elif name.endswith("shippable"):
                assert f'name="{name}" checked' in page
            else:
                assert f'name="{name}" value="{value}"' in re.sub(r"\s+", " ", page)


def test_more_than_the_ceiling_is_said_at_once_and_refused(
    seller: Client, ada: Customer, germany: Address, mug: Sku
) -> None:
    sent = form(ada, mug, address=germany.pk, discount="20.01", discount_reason="x")
    sentence = "You may take off at most 20 % of the lines' price, USD 4.00 here; this takes off USD 4.01."
    sent |= {"items-0-discount": "0.01", "items-0-discount_kind": "amount", "discount": "20"}
    page = quoted(seller, sent | {"items-0-discount": "0.03"})
    assert sentence.replace("4.01", "4.02") in page
    assert '<a href="#manual">You may take off at most 20 %' in refused(seller, sent | {"discount": "25"}, 2000)


@pytest.mark.parametrize("text", ["100.01", "7.555", "-5", "ten", "1e1", "NaN", "٥", "101%"])
def test_a_percentage_has_two_decimals_at_most(seller: Client, ada: Customer, mug: Sku, text: str) -> None:
    sentence = "A percentage is a number from 0 to 100 with at most two decimals, for example 7.5."
    assert sentence in quoted(seller, form(ada, mug, discount=text))
    assert sentence in quoted(seller, form(ada, mug, items__0__discount=text))
    assert sentence in refused(seller, form(ada, mug, discount=text, discount_reason="x"), 2963)


@pytest.mark.parametrize(
    ("currency", "text", "shown"),
    [
        ("usd", "1.555", "An amount in USD has at most 2 decimals"),
        ("jpy", "1.5", "An amount in JPY has no decimals"),
        ("kwd", "0.005", "An amount in KWD goes in steps of 0.010"),
        ("isk", "1.50", "An amount in ISK goes in steps of 1.00"),
        ("jpy", "150", "−JPY 150"),
        ("kwd", "0.150", "−KWD 0.150"),
        ("isk", "150", "−ISK 150.00"),
    ],
)
def test_an_amount_is_one_of_its_currency(seller: Client, ada: Customer, currency: str, text: str, shown: str) -> None:
    sku = make_sku("S", price=1_000_000, currency=currency)
    given = {"discount": text, "discount_kind": "amount"}
    row = {f"items-0-{name}": value for name, value in given.items()}
    assert shown in quoted(seller, form(ada, sku) | given)
    assert shown in quoted(seller, form(ada, sku) | row)


def test_a_discount_of_nothing_is_none(seller: Client, ada: Customer, ebook: Sku) -> None:
    submitted(seller, form(ada, ebook, discount="0", items__0__discount="0 %", discount_reason="x"), 1071)
    order = Order.objects.get()
    assert (order.manual_discount, order.discount_reason) == (0, "")


def test_rows_of_one_sku_with_other_discounts_are_lines_of_their_own(seller: Client, ada: Customer, ebook: Sku) -> None:
    sent = form(ada, ebook, ebook, ebook, items__0__discount="10", items__1__discount="10", discount_reason="x")
    submitted(seller, sent, 2999)
    assert list(Order.objects.get().items.values_list("quantity", "manual_discount")) == [(2, 180), (1, 0)]


def custom(number: int = 0, **more: str) -> dict[str, str]:
    known = {"description": "Engraving", "quantity": "1", "price": "5.00", "tax_category": "standard"} | more
    return {f"custom-{number}-{name}": value for name, value in known.items()}


def test_a_custom_line_beside_a_sku(seller: Client, ada: Customer, germany: Address, ebook: Sku) -> None:
    page = quoted(seller, form(ada, ebook) | custom(quantity="2", tax_category="reduced"))
    assert rows(page) == [("Subtotal", "USD 19.00"), ("VAT 19 %", "USD 1.71"), ("VAT 7 %", "USD 0.70")]
    assert 'data-part="delivery" data-version="kept" hidden' in page
    sent = form(ada, ebook, address=germany.pk) | custom(shippable="on")
    page = quoted(seller, sent)
    assert 'data-part="delivery" data-version="kept" hidden' not in page
    submitted(seller, sent, 2249)
    order = Order.objects.get()
    assert [(item.sku_code, item.description, item.amount, item.shippable) for item in order.items.order_by("pk")] == [
        ("EBOOK", "Book, EPUB", 900, False),
        ("", "Engraving", 500, True),
    ]
    assert order.total == 2249


def test_a_custom_line_alone_has_a_currency_of_its_own(seller: Client, ada: Customer) -> None:
    page = quoted(seller, form(ada, currency="jpy") | custom(price="500"))
    assert "Submit and charge JPY 595" in page
    assert '<option value="jpy" selected>' in page
    assert "Choose at least one item." in refused(
        seller, form(ada, currency="jpy") | custom(price="", description=""), 0
    )


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"description": ""}, "Say what the line is, or remove it."),
        ({"price": ""}, "Write an amount, for example"),
        ({"price": "-1"}, "The amount can't be below zero."),
        ({"price": "1.555"}, "An amount in USD has at most 2 decimals"),
        ({"quantity": "0"}, "A quantity is a whole number from 1 to 9999."),
        ({"tax_category": "luxury"}, "luxury is not one of the available choices."),
    ],
)
def test_a_custom_line_is_whole(
    seller: Client, ada: Customer, ebook: Sku, wrong: dict[str, str], sentence: str
) -> None:
    page = refused(
        seller, form(ada, ebook) | custom() | {f"custom-0-{name}": value for name, value in wrong.items()}, 1071
    )
    assert sentence in page
    assert 'href="#id_custom-0-' in page


def test_a_custom_line_counts_once_it_has_text_and_price(seller: Client, ada: Customer, ebook: Sku) -> None:
    for unfinished in (custom(price=""), custom(description="")):
        page = quoted(seller, form(ada, ebook) | unfinished)
        assert "Submit and charge USD 10.71" in page
        assert "Write an amount" not in page


def test_custom_lines_are_added_and_removed_without_a_script(seller: Client, ada: Customer, ebook: Sku) -> None:
    sent = form(ada, ebook)
    page = _plain(seller.post(ADD, sent | {"_add_custom": "1"}).content.decode())
    assert 'name="custom-0-description"' in page
    assert '<details class="of-card of-manual" id="manual" open>' in page
    both = sent | custom() | custom(1, description="Gift wrap")
    page = _plain(seller.post(ADD, both | {"_remove_custom": "0"}).content.decode())
    assert 'name="custom-0-description"' not in page
    assert 'value="Gift wrap"' in page


def test_another_price_of_shipping(seller: Client, ada: Customer, germany: Address, mug: Sku) -> None:
    sent = form(ada, mug, address=germany.pk, shipping_price="0")
    page = quoted(seller, sent)
    assert ("Shipping (Parcel)", "USD 0.00") in rows(page)
    assert "An amount in USD has at most 2 decimals" in refused(seller, sent | {"shipping_price": "1.005"}, 2380)
    submitted(seller, sent, 2380)
    order = Order.objects.get()
    assert (order.shipping, order.shipping_name, order.total) == (0, "Parcel", 2380)


def test_a_price_of_shipping_counts_only_where_something_is_shipped(seller: Client, ada: Customer, ebook: Sku) -> None:
    submitted(seller, form(ada, ebook, shipping_price="7"), 1071)
    assert Order.objects.get().shipping == 0


def test_a_right_that_was_withdrawn_while_the_page_was_open(
    seller: Client, ada: Customer, germany: Address, ebook: Sku
) -> None:
    sent = form(ada, ebook, discount="10", discount_reason="x")
    assert "Submit and charge USD 9.64" in quoted(seller, sent)
    User.objects.get(username="mia").groups.clear()
    page = refused(seller, sent, 964)
    assert "You may not give discounts by hand." in page
    assert "Submit and charge USD 10.71" in page
