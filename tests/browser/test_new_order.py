"""Staff make an order in a real browser, on a desk and on a phone, in light and in dark."""

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from customers.models import Customer, User
from ecommerce.models import Order
from tests.browser.conftest import Visit, follow
from tests.support.factories import make_address, make_card, make_coupon, make_customer, make_sku, make_staff

pytestmark = pytest.mark.django_db(transaction=True)

ADD = "/admin/ecommerce/order/add/"
CHANGE = re.compile(r"/admin/ecommerce/order/[0-9]+/change/")


@pytest.fixture
def ana() -> User:
    return make_staff("ana", "ecommerce.add_order", "ecommerce.view_order", "ecommerce.change_order")


@pytest.fixture
def ada() -> Customer:
    return make_customer(phone="+44 20 7946 0000")


@pytest.fixture
def shop(ada: Customer) -> None:
    make_customer("adam@example.com", first_name="Adam", last_name="Smith")
    make_sku(shippable=True, stock=10)
    make_sku("EBOOK", product="Sketch of the Analytical Engine", name="EPUB", price=900)
    make_coupon()


@pytest.fixture
def snap() -> Callable[[Page, str], None]:
    """Return a function that saves a screenshot, where SCREENSHOTS names a folder."""

    def keep(page: Page, name: str) -> None:
        if os.environ.get("SCREENSHOTS"):
            page.screenshot(path=Path(os.environ["SCREENSHOTS"]) / f"{name}.png", full_page=True)

    return keep


def choose(page: Page, label: str, text: str, *, number: int = 0) -> None:
    field = page.get_by_label(label).nth(number)
    field.fill(text)
    page.get_by_role("listbox").get_by_role("option").first.click()


def type_card(page: Page, number: str = "4242424242424242") -> None:
    frame = page.frame_locator("#card-element iframe")
    frame.locator("[name=cardnumber]").fill(number)
    frame.locator("[name=exp-date]").fill("12 / 34")
    frame.locator("[name=cvc]").fill("123")


def fill_in_address(page: Page) -> None:
    page.get_by_label("Name", exact=True).fill("Ada Lovelace")
    page.get_by_label("Address line 1").fill("12 St James's Square")
    page.get_by_label("City").fill("London")
    page.get_by_label("Postal code").fill("SW1Y 4JH")
    page.get_by_label("Country").select_option(label="United Kingdom")


def fill_in(page: Page) -> None:
    choose(page, "Name or e-mail", "ada@")
    choose(page, "SKU", "mug")
    page.get_by_label("Quantity").fill("2")
    page.get_by_role("button", name="Add item").click()
    choose(page, "SKU", "ebook", number=1)
    fill_in_address(page)
    page.get_by_label("Coupon code").fill("save10")
    page.get_by_role("button", name="Apply").click()
    expect(page.get_by_text("SAVE10 takes USD 3.90 off.")).to_be_visible()


def place(page: Page, submit: str) -> Order:
    page.get_by_role("button", name=submit).click()
    page.wait_for_url(CHANGE)
    return Order.objects.get()


@pytest.mark.parametrize(("size", "theme"), [("desk", "light"), ("phone", "dark")])
def test_a_person_makes_an_order(
    visit: Visit, snap: Any, shop: None, ana: User, ada: Customer, size: str, theme: Any
) -> None:
    page = visit(ADD, ana, phone=size == "phone", color_scheme=theme)
    expect(page.get_by_role("group", name="Delivery address")).to_be_hidden()
    fill_in(page)
    type_card(page)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    snap(page, f"new-order-{size}-{theme}")
    page.evaluate("window.scrollTo(0, 0)")
    expect(page.get_by_role("button", name="Submit and charge USD 35.10")).to_be_in_viewport()
    order = place(page, "Submit and charge USD 35.10")
    expect(page.get_by_text(f"Order {order.number} is paid: USD 35.10 was charged.")).to_be_visible()
    assert (order.status, order.customer, order.coupon and order.coupon.code) == ("paid", ada, "SAVE10")
    assert sorted(order.items.values_list("sku_code", "quantity")) == [("EBOOK", 1), ("MUG-RED", 2)]
    assert order.shipping_address is not None
    assert order.shipping_address["country"] == "GB"
    assert ada.cards.get().last4 == "4242"


def test_a_declined_card_and_then_another_one(
    visit: Visit, snap: Any, shop: None, ana: User, ada: Customer, ledger: Any
) -> None:
    make_card(ada, token="tok_mastercard")
    page = visit(f"{ADD}?customer={ada.pk}", ana)
    choose(page, "SKU", "ebook")
    page.get_by_role("radio", name="New card").check()
    type_card(page, "4000000000009995")
    order = place(page, "Submit and charge USD 9.00")
    assert (order.status, order.money_state) == ("created", "payment_failed")
    expect(page.get_by_text("its payment failed: Your card has insufficient funds.")).to_be_visible()
    page.get_by_role("link", name="Pay with another card").first.click()
    expect(page.get_by_text("The last payment failed: Your card has insufficient funds.")).to_be_visible()
    snap(page, "pay-with-another-card")
    page.get_by_role("radio", name="Mastercard •••• 4444").check()
    assert place(page, "Charge USD 9.00").status == "paid"
    expect(page.get_by_text(f"Order {order.number} is paid: USD 9.00 was charged.")).to_be_visible()
    assert [each["status"] for each in ledger()["payment_intents"]].count("succeeded") == 1


def test_a_card_number_that_is_wrong_is_said_at_the_field(visit: Visit, shop: None, ana: User, ada: Customer) -> None:
    page = visit(f"{ADD}?customer={ada.pk}", ana)
    choose(page, "SKU", "ebook")
    type_card(page, "4242424242424241")
    page.get_by_role("button", name="Submit and charge USD 9.00").click()
    expect(page.get_by_role("alert").get_by_text("Your card number is invalid.")).to_be_visible()
    type_card(page)
    assert place(page, "Submit and charge USD 9.00").status == "paid"


@pytest.mark.full
def test_what_was_typed_is_kept_when_something_is_wrong(visit: Visit, shop: None, ana: User, ada: Customer) -> None:
    page = visit(f"{ADD}?customer={ada.pk}", ana)
    choose(page, "SKU", "mug")
    fill_in_address(page)
    page.get_by_label("Post town").fill("")
    type_card(page)
    page.get_by_role("button", name="Submit and charge USD 15.00").click()
    summary = page.get_by_role("alert").filter(has_text="Nothing was ordered or charged.")
    expect(summary).to_be_focused()
    summary.get_by_role("link", name="Post town: This field is required.").click()
    expect(page.get_by_label("Post town")).to_be_focused()
    expect(page.get_by_text("Visa •••• 4242, typed here")).to_be_visible()
    expect(page.get_by_label("Address line 1")).to_have_value("12 St James's Square")
    page.get_by_label("Post town").fill("London")
    assert place(page, "Submit and charge USD 15.00").status == "paid"


def test_a_wrong_quantity_is_said_beside_it_at_once(visit: Visit, shop: None, ana: User) -> None:
    page = visit(ADD, ana)
    choose(page, "SKU", "mug")
    quantity = page.get_by_label("Quantity")
    for wrong in ("0", "-1", "1.5", "1000000000"):
        quantity.fill(wrong)
        expect(page.get_by_text("A quantity is a whole number from 1 to 9999.")).to_be_visible()
        expect(quantity).to_have_value(wrong)
        expect(page.get_by_role("button", name="Submit order")).to_be_visible()
        quantity.fill("2")
        expect(page.get_by_role("button", name="Submit and charge USD 30.00")).to_be_enabled()
    quantity.fill("11")
    expect(page.get_by_text("Mug, red (MUG-RED): 10 in stock, 11 wanted.")).to_be_visible()


def test_all_that_is_wrong_is_said_together(visit: Visit, snap: Any, shop: None, ana: User) -> None:
    page = visit(ADD, ana)
    choose(page, "SKU", "ebook")
    page.get_by_label("Quantity").fill("1.5")
    page.get_by_role("button", name="Submit order").click()
    summary = page.get_by_role("alert").filter(has_text="2 things are to be put right")
    expect(summary).to_be_focused()
    expect(summary.get_by_role("link", name="Choose a customer.")).to_be_visible()
    expect(summary.get_by_role("link", name="A quantity is a whole number from 1 to 9999.")).to_be_visible()
    expect(page.get_by_label("Quantity")).to_have_value("1.5")
    snap(page, "refused")


def test_pressing_submit_twice_makes_one_order(visit: Visit, shop: None, ana: User, ada: Customer, ledger: Any) -> None:
    page = visit(f"{ADD}?customer={ada.pk}", ana)
    choose(page, "SKU", "ebook")
    type_card(page)
    page.get_by_role("button", name="Submit and charge USD 9.00").dblclick()
    page.wait_for_url(CHANGE)
    assert (Order.objects.count(), len(ledger()["payment_intents"])) == (1, 1)


def test_going_back_and_submitting_again_makes_no_second_order(
    visit: Visit, shop: None, ana: User, ada: Customer
) -> None:
    make_card(ada)
    page = visit(f"{ADD}?customer={ada.pk}", ana)
    choose(page, "SKU", "ebook")
    order = place(page, "Submit and charge USD 9.00")
    page.go_back()
    expect(page.get_by_text(f"This page has made order {order.number} already.")).to_be_visible()
    choose(page, "SKU", "ebook")
    assert place(page, "Submit and charge USD 9.00") == order


@pytest.mark.parametrize("query", ["", "?customer={}"])
def test_going_back_finds_a_card_ticked_and_room_for_a_new_one(
    visit: Visit, shop: None, ana: User, ada: Customer, query: str
) -> None:
    make_card(ada, token="tok_mastercard")
    page = visit(ADD + query.format(ada.pk), ana)
    choose(page, "Name or e-mail", "ada@")
    choose(page, "SKU", "ebook")
    page.get_by_role("radio", name="New card").check()
    type_card(page)
    order = place(page, "Submit and charge USD 9.00")
    page.go_back()
    expect(page.get_by_text(f"This page has made order {order.number} already.")).to_be_visible()
    expect(page.get_by_role("radio", name="Visa •••• 4242" if query else "New card")).to_be_checked()
    page.get_by_role("radio", name="New card").check()
    expect(page.locator("#card-element iframe")).to_be_visible()


def test_the_whole_form_by_keyboard(visit: Visit, shop: None, ana: User, ada: Customer) -> None:
    make_card(ada)
    page = visit(ADD, ana)
    page.get_by_label("Name or e-mail").focus()
    page.keyboard.type("ada")
    expect(page.get_by_role("option")).to_have_count(2)
    expect(page.get_by_label("Name or e-mail")).to_have_attribute("aria-expanded", "true")
    page.get_by_label("Name or e-mail").fill("lovel")
    expect(page.get_by_role("option")).to_have_count(1)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.get_by_label("Name or e-mail")).to_have_value("Ada Lovelace <ada@example.com>")
    page.keyboard.press("Tab")
    page.keyboard.type("engine")
    expect(page.get_by_role("option")).to_have_count(1)
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_label("Quantity")).to_be_focused()
    page.keyboard.press("Enter")  # must not charge
    submit = page.get_by_role("button", name="Submit and charge USD 9.00")
    expect(submit).to_be_enabled()
    assert not Order.objects.exists()
    submit.focus()
    page.keyboard.press("Space")
    page.wait_for_url(CHANGE)
    assert Order.objects.get().status == "paid"


def test_a_code_that_is_typed_whole_is_understood(visit: Visit, shop: None, ana: User, ada: Customer) -> None:
    page = visit(ADD, ana)
    page.get_by_label("Name or e-mail").fill("ADA@example.com")
    page.get_by_label("SKU").fill("ebook")
    page.get_by_label("Quantity").fill("2")
    expect(page.get_by_role("button", name="Submit and charge USD 18.00")).to_be_enabled()
    expect(page.get_by_label("Name or e-mail")).to_have_value("Ada Lovelace <ada@example.com>")
    expect(page.get_by_label("SKU")).to_have_value("Sketch of the Analytical Engine, EPUB (EBOOK)")


def test_the_country_decides_what_an_address_asks_for(visit: Visit, shop: None, ana: User) -> None:
    page = visit(ADD, ana)
    choose(page, "Name or e-mail", "ada@")
    choose(page, "SKU", "mug")
    country = page.get_by_label("Country")
    country.select_option(label="United States")
    expect(page.get_by_label("ZIP code")).to_be_visible()
    expect(page.locator("[data-field=state]")).to_be_visible()
    country.select_option(label="Germany")
    expect(page.get_by_label("ZIP code")).to_be_hidden()
    order = page.locator("[data-field=postal_code] ~ [data-field=city]")
    expect(order).to_be_visible()
    expect(page.locator("[data-field=state]")).to_be_hidden()


@pytest.mark.full
def test_rows_are_added_and_removed(visit: Visit, shop: None, ana: User) -> None:
    page = visit(ADD, ana)
    choose(page, "SKU", "mug")
    page.get_by_role("button", name="Add item").click()
    expect(page.get_by_label("SKU").nth(1)).to_be_focused()
    choose(page, "SKU", "ebook", number=1)
    expect(page.get_by_role("button", name="Submit and charge USD 24.00")).to_be_enabled()
    page.get_by_role("button", name="Remove this item").first.click()
    expect(page.get_by_role("button", name="Submit and charge USD 9.00")).to_be_enabled()
    expect(page.get_by_role("group", name="Delivery address")).to_be_hidden()


@pytest.mark.full
def test_another_customer_brings_other_addresses_and_cards(visit: Visit, shop: None, ana: User, ada: Customer) -> None:
    make_address(ada)
    make_card(ada)
    make_card(ada, token="tok_amex", exp_year=2020)
    page = visit(ADD, ana)
    choose(page, "SKU", "mug")
    expect(page.get_by_role("radio", name="New address")).to_be_checked()
    choose(page, "Name or e-mail", "ada@")
    expect(page.get_by_role("radio", name="Ada Lovelace 12 St James's Square")).to_be_checked()
    expect(page.get_by_role("radio", name="Visa •••• 4242")).to_be_checked()
    expect(page.get_by_role("radio", name="Amex •••• 0005")).to_be_disabled()
    choose(page, "Name or e-mail", "adam@")
    expect(page.get_by_role("radio", name="Visa •••• 4242")).to_have_count(0)
    expect(page.get_by_role("radio", name="New address")).to_be_checked()


@pytest.mark.full
def test_an_order_without_javascript(visit: Visit, snap: Any, shop: None, ana: User, ada: Customer) -> None:
    make_card(ada)
    page = visit(ADD, ana, java_script_enabled=False)
    page.get_by_label("Name or e-mail").fill("ad")
    snap(page, "no-js")
    follow(page, page.get_by_role("button", name="Find", exact=True))
    follow(page, page.get_by_role("button", name="Ada Lovelace <ada@example.com>"))
    page.get_by_label("SKU").fill("mug")
    page.get_by_label("Quantity").fill("3")
    follow(page, page.get_by_role("button", name="Add item"))
    page.get_by_label("SKU").nth(1).fill("EBOOK")
    page.get_by_label("Coupon code").fill("SAVE10")
    page.get_by_role("button", name="Apply").click()
    expect(page.get_by_text("SAVE10 takes USD 5.40 off.")).to_be_visible()
    follow(page, page.get_by_role("button", name="Remove this item").nth(1))
    fill_in_address(page)
    order = place(page, "Submit and charge USD 40.50")
    assert (order.status, order.total) == ("paid", 4050)


def test_an_authentication_is_left_to_the_customer(visit: Visit, shop: None, ana: User, ada: Customer) -> None:
    page = visit(f"{ADD}?customer={ada.pk}", ana)
    choose(page, "SKU", "ebook")
    type_card(page, "4000002760003184")
    order = place(page, "Submit and charge USD 9.00")
    assert order.money_state == "authentication_required"
    expect(page.get_by_text("bank asks the customer to confirm the payment")).to_be_visible()


def test_a_card_field_that_does_not_load_says_so(
    visit: Visit, shop: None, ana: User, ada: Customer, settings: Any
) -> None:
    settings.STRIPE_JS_URL = "http://127.0.0.1:9/stripe.js"
    page = visit(f"{ADD}?customer={ada.pk}", ana)
    expect(page.get_by_text("The card field could not be loaded.")).to_be_visible()
