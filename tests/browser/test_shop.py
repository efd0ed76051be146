"""A customer shops in a real browser: on a desk and on a phone, by mouse and by keyboard, with a card of each kind."""

import os
import re
from pathlib import Path

import pytest
from django.contrib.sessions.models import Session
from django.utils import timezone
from playwright.sync_api import Page, expect

from billing.models import Payment
from customers.accounts import create_account
from customers.models import Customer
from devserver.fake_stripe_server import FakeStripeServer
from ecommerce.models import Order, ShippingRate, ShippingZone, Sku, TaxRate
from ecommerce.tasks import sweep
from tests.browser.conftest import Visit, follow
from tests.support.factories import make_address, make_coupon, make_customer, make_sku
from tests.support.mailbox import deliver

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("balanced")]

PASSWORD = "correct horse battery"
ORDER = re.compile(r"/shop/orders/[0-9]+/")


@pytest.fixture
def ada() -> Customer:
    customer = make_customer()
    create_account(customer=customer, password=PASSWORD)
    return customer


@pytest.fixture
def mug() -> Sku:
    return make_sku(shippable=True, stock=10)


@pytest.fixture
def ebook() -> Sku:
    return make_sku("EBOOK", product="Sketch of the Analytical Engine", name="EPUB", price=900)


def snap(page: Page, name: str) -> None:
    """Keep a picture of the page, where SCREENSHOTS names a folder."""
    if os.environ.get("SCREENSHOTS"):
        page.screenshot(path=Path(os.environ["SCREENSHOTS"]) / f"shop-{name}.png", full_page=True)


def put_in_basket(page: Page, product: str) -> None:
    page.get_by_role("button", name=f"Add to basket: {product}").click()
    expect(page.get_by_role("status")).to_contain_text("in the basket")


def sign_in(page: Page, password: str = PASSWORD) -> None:
    page.get_by_label("E-mail").first.fill("ada@example.com")
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_role("button", name="Sign in", exact=True).click()


def type_card(page: Page, number: str = "4242424242424242") -> None:
    frame = page.frame_locator("#card-element iframe")
    frame.locator("[name=cardnumber]").press_sequentially(number)
    frame.locator("[name=exp-date]").press_sequentially("1234")
    frame.locator("[name=cvc]").press_sequentially("123")


def fill_address(page: Page) -> None:
    for label, text in (("Address", "12 St James's Square"), ("City", "London"), ("Postal code", "SW1Y 4JH")):
        page.get_by_label(label, exact=True).fill(text)
    page.get_by_label("Country").select_option("GB")


def authenticate(page: Page, button: str = "Complete") -> None:
    page.frame_locator("iframe[name=stripe-challenge-frame]").get_by_role("button", name=button).click()


def to_checkout(page: Page, product: str) -> None:
    put_in_basket(page, product)
    page.get_by_role("link", name="Basket").first.click()
    page.get_by_role("link", name="Go to checkout").click()
    sign_in(page)
    page.wait_for_url(re.compile("[0-9]/shop/checkout/$"))


@pytest.mark.parametrize("phone", [False, pytest.param(True, marks=pytest.mark.full)])
def test_from_the_products_to_the_order_with_a_coupon_and_a_new_address(
    visit: Visit, ada: Customer, mug: Sku, ebook: Sku, *, phone: bool
) -> None:
    make_coupon("SAVE10", percent_off=10)
    page = visit("/shop/", phone=phone)
    snap(page, f"products-{phone}")
    put_in_basket(page, "Mug")
    put_in_basket(page, "Sketch of the Analytical Engine")
    page.get_by_role("link", name="Basket").first.click()
    page.get_by_label("Quantity of Mug, red").fill("2")
    page.get_by_label("Quantity of Mug, red").blur()
    expect(page.locator("#sums")).to_contain_text("USD 39.00")
    page.get_by_label("Coupon").fill("save10")
    page.get_by_role("button", name="Apply").click()
    snap(page, f"basket-{phone}")
    page.get_by_role("link", name="Go to checkout").click()
    sign_in(page, "wrong")
    expect(page.get_by_role("alert")).to_have_text("E-mail or password is wrong.")
    sign_in(page)

    expect(page.get_by_role("button", name="Pay USD 35.10")).to_be_visible()
    expect(page.locator("#sums")).to_contain_text("Discount (SAVE10)")
    page.get_by_role("button", name="Pay USD 35.10").click()
    expect(page.get_by_role("alert")).to_contain_text("Country")
    fill_address(page)
    type_card(page)
    snap(page, f"checkout-{phone}")
    page.get_by_role("button", name="Pay USD 35.10").click()
    page.wait_for_url(ORDER)
    expect(page.get_by_text("Thank you: your order is placed and paid.")).to_be_visible()
    expect(page.get_by_text("12 St James's Square, London, SW1Y 4JH, United Kingdom")).to_be_visible()
    snap(page, f"placed-{phone}")
    order = Order.objects.get()
    assert (order.status, order.total, order.placed_via) == ("paid", 3510, "website")
    assert "London" in str(order.shipping_address)
    expect(page.locator("#basket-count")).to_be_hidden()
    overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert overflow == 0

    page.get_by_role("link", name="My orders").first.click()
    expect(page.get_by_role("link", name=f"Order {order.number}")).to_contain_text("USD 35.10")
    snap(page, f"orders-{phone}")


@pytest.mark.parametrize("phone", [pytest.param(False, marks=pytest.mark.full), True])
def test_shipping_and_taxes_follow_the_address(visit: Visit, ada: Customer, mug: Sku, *, phone: bool) -> None:
    TaxRate.objects.create(country="GB", name="VAT", percent=20)
    for country, price in (("GB", 300), ("DE", 900)):
        zone = ShippingZone.objects.create(name=country, countries=[country])
        for name, more in (("Standard", 0), ("Express", 700)):
            ShippingRate.objects.create(
                zone=zone, name=name, currency="usd", price=price + more, days_from=1, days_to=3
            )
    make_address(ada)
    page = visit("/shop/", phone=phone)
    to_checkout(page, "Mug")
    # 20 % of 15.00 and 3.00.
    expect(page.get_by_label("Standard, 1 to 3 days: USD 3.00")).to_be_checked()
    expect(page.locator("#sums")).to_contain_text("VAT 20 %USD 3.60")
    page.get_by_label("Express, 1 to 3 days: USD 10.00").check()
    expect(page.get_by_role("button", name="Pay USD 30.00")).to_be_visible()
    page.get_by_label("A new address").check()
    fill_address(page)
    page.get_by_label("Country").select_option("DE")
    page.get_by_label("Postal code", exact=True).fill("10115")
    expect(page.get_by_label("Standard, 1 to 3 days: USD 9.00")).to_be_checked()
    expect(page.locator("#sums")).to_contain_text("Not registered for tax in Germany.")
    snap(page, f"shipping-{phone}")
    page.get_by_label("Ada Lovelace, 12 St James's Square").check()
    page.get_by_label("Express, 1 to 3 days: USD 10.00").check()
    expect(page.get_by_role("button", name="Pay USD 30.00")).to_be_visible()
    type_card(page)
    page.get_by_role("button", name="Pay USD 30.00").click()
    page.wait_for_url(ORDER)
    expect(page.locator("#sums")).to_contain_text("Shipping (Express)USD 10.00")
    order = Order.objects.get()
    assert (order.status, order.total, order.tax, order.shipping_name) == ("paid", 3000, 500, "Express")


def test_a_card_that_must_be_authenticated_is_paid_after_the_banks_page(
    visit: Visit, ada: Customer, ebook: Sku
) -> None:
    page = visit("/shop/")
    to_checkout(page, "Sketch of the Analytical Engine")
    type_card(page, "4000002760003184")
    page.get_by_role("button", name="Pay USD 9.00").click()
    expect(page.frame_locator("iframe[name=stripe-challenge-frame]").get_by_role("button", name="Fail")).to_be_visible()
    page.reload()
    authenticate(page)
    page.wait_for_url(ORDER)
    expect(page.get_by_text("Thank you: your order is placed and paid.")).to_be_visible()
    assert Order.objects.get().status == "paid"


def test_a_failed_authentication_and_a_declined_card_leave_the_order_to_be_paid_with_another(
    visit: Visit, ada: Customer, ebook: Sku
) -> None:
    page = visit("/shop/")
    to_checkout(page, "Sketch of the Analytical Engine")
    type_card(page, "4000002760003184")
    page.get_by_role("button", name="Pay USD 9.00").click()
    authenticate(page, "Fail")
    page.wait_for_url(ORDER)
    expect(page.get_by_text("Your order is kept: pay it with another card.")).to_be_visible()
    snap(page, "declined")

    type_card(page, "4000000000009995")
    page.get_by_role("button", name="Pay", exact=True).click()
    expect(page.get_by_text("Your card has insufficient funds. Your order is kept")).to_be_visible()
    frame = page.frame_locator("#card-element iframe")
    for field in ("cardnumber", "exp-date", "cvc"):
        frame.locator(f"[name={field}]").fill("")
    type_card(page)
    page.get_by_role("button", name="Pay", exact=True).click()
    expect(page.locator("#facts")).to_contain_text("Paid")
    order = Order.objects.get()
    assert (order.status, Payment.objects.filter(status="succeeded").count()) == ("paid", 1)


def test_the_saved_card_and_address_pay_by_keyboard_alone(visit: Visit, ada: Customer, mug: Sku) -> None:
    make_address(ada, is_default=True)
    page = visit("/shop/")
    to_checkout(page, "Mug")
    type_card(page)
    page.get_by_role("button", name="Pay USD 15.00").click()
    page.wait_for_url(ORDER)
    page.goto(page.url.split("/shop/")[0] + "/shop/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_label("Choose Mug")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**/shop/basket/")
    page.get_by_role("link", name="Go to checkout").press("Enter")
    expect(page.get_by_label(re.compile("Visa •••• 4242"))).to_be_checked()
    expect(page.get_by_label(re.compile("12 St James"))).to_be_checked()
    page.get_by_role("button", name="Pay USD 15.00").press("Enter")
    page.wait_for_url(ORDER)
    assert [order.status for order in Order.objects.all()] == ["paid", "paid"]


def test_an_order_that_was_not_answered_is_sent_again_and_made_once(visit: Visit, ada: Customer, ebook: Sku) -> None:
    page = visit("/shop/")
    to_checkout(page, "Sketch of the Analytical Engine")
    type_card(page)
    # The server does its work; the answer is lost on the way.
    page.route("**/ecommerce/order", lambda route: (route.fetch(), route.abort())[1])
    page.get_by_role("button", name="Pay USD 9.00").click()
    expect(page.get_by_role("alert")).to_contain_text("The shop can't be reached")
    assert Order.objects.count() == 1
    page.unroute("**/ecommerce/order")
    page.reload()
    page.wait_for_url(ORDER)
    expect(page.get_by_text("Thank you: your order is placed and paid.")).to_be_visible()
    assert (Order.objects.count(), Payment.objects.count()) == (1, 1)


def test_a_payment_that_is_being_confirmed_is_looked_at_again(
    visit: Visit, ada: Customer, ebook: Sku, fake_stripe: FakeStripeServer
) -> None:
    page = visit("/shop/")
    to_checkout(page, "Sketch of the Analytical Engine")
    type_card(page)
    fake_stripe.faults({"match": "POST /v1/payment_intents", "fault": "drop_after", "times": 1})
    page.get_by_role("button", name="Pay USD 9.00").click()
    expect(page.get_by_text("Your payment is being confirmed.")).to_be_visible()
    Payment.objects.update(next_attempt_at=timezone.now())
    sweep()
    expect(page.get_by_text("Thank you: your order is placed and paid.")).to_be_visible()


def test_an_account_is_made_confirmed_and_signed_out_of(visit: Visit) -> None:
    page = visit("/shop/sign-in/")
    page.get_by_text("New here? Create an account").click()
    form = page.locator("#register")
    for label, text in (("First name", "Grace"), ("E-mail", "grace@example.com"), ("Password", PASSWORD)):
        form.get_by_label(label).fill(text)
    form.get_by_role("button").click()
    page.get_by_role("link", name="Account").click()
    expect(page.get_by_text("Grace, grace@example.com")).to_be_visible()
    expect(page.get_by_text("Your e-mail address is not confirmed yet.")).to_be_visible()
    found = re.search(r"/shop/confirm/#\S+", str(deliver()[0].body))
    assert found
    page.goto(page.url.split("/shop/")[0] + found[0])
    page.get_by_role("button", name="Confirm this e-mail address").click()
    expect(page.get_by_text("The e-mail address is confirmed.")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("link", name="Sign in")).to_be_visible()
    page.goto(page.url.split("/shop/")[0] + "/shop/orders/")
    page.wait_for_url("**/shop/sign-in/?next=*")


def test_a_customer_made_by_staff_sets_a_password_by_the_link(visit: Visit) -> None:
    make_customer()
    page = visit("/shop/password/")
    page.get_by_label("E-mail").fill("ada@example.com")
    page.get_by_role("button", name="Send the link").click()
    expect(page.get_by_text("a link is on its way")).to_be_visible()
    found = re.search(r"/shop/password/#\S+", str(deliver()[0].body))
    assert found
    page.goto(page.url.split("/shop/")[0] + "/shop/")
    page.goto(page.url.split("/shop/")[0] + found[0])
    page.get_by_label(re.compile("New password")).fill(PASSWORD)
    page.get_by_role("button", name="Set the password").click()
    expect(page.get_by_text("The new password is set")).to_be_visible()
    follow(page, page.get_by_role("link", name="Sign in"))
    sign_in(page)
    expect(page.get_by_role("link", name="My orders")).to_be_visible()


@pytest.mark.full
def test_saved_cards_are_chosen_and_removed(visit: Visit, ada: Customer, ebook: Sku) -> None:
    page = visit("/shop/")
    to_checkout(page, "Sketch of the Analytical Engine")
    type_card(page)
    page.get_by_role("button", name="Pay USD 9.00").click()
    page.wait_for_url(ORDER)
    page.get_by_role("link", name="Account").click()
    page.get_by_role("button", name="Make Visa •••• 4242 the default").click()
    expect(page.get_by_text("(default)")).to_be_visible()
    snap(page, "account")
    page.get_by_role("button", name="Remove Visa •••• 4242").click()
    expect(page.get_by_text("No card is saved.")).to_be_visible()


@pytest.mark.full
def test_what_sold_out_meanwhile_is_said_and_the_basket_can_be_changed(
    visit: Visit, ada: Customer, mug: Sku, ebook: Sku
) -> None:
    page = visit("/shop/")
    put_in_basket(page, "Mug")
    to_checkout(page, "Sketch of the Analytical Engine")
    expect(page.get_by_role("button", name="Pay USD 24.00")).to_be_visible()
    Sku.objects.filter(pk=mug.pk).update(inventory_quantity=0)
    fill_address(page)
    type_card(page)
    page.get_by_role("button", name="Pay USD 24.00").click()
    expect(page.get_by_role("alert")).to_have_text("Mug, red (MUG-RED): 0 in stock, 1 wanted.")
    page.reload()
    expect(page.get_by_role("alert")).to_have_text("Mug, red (MUG-RED): 0 in stock, 1 wanted.")
    expect(page.get_by_role("button", name="Pay")).to_be_hidden()
    page.get_by_role("link", name="Change the basket").click()
    page.get_by_role("button", name="Remove Mug, red").click()
    page.get_by_role("link", name="Go to checkout").click()
    expect(page.get_by_role("button", name="Pay USD 9.00")).to_be_visible()
    assert Order.objects.count() == 0


@pytest.mark.full
def test_a_basket_that_was_ordered_in_one_tab_is_empty_in_the_other(visit: Visit, ada: Customer, ebook: Sku) -> None:
    page = visit("/shop/")
    to_checkout(page, "Sketch of the Analytical Engine")
    other = page.context.new_page()
    other.goto(page.url.split("/shop/")[0] + "/shop/checkout/")
    expect(other.get_by_role("button", name="Pay USD 9.00")).to_be_visible()
    type_card(page)
    page.get_by_role("button", name="Pay USD 9.00").dblclick()
    page.wait_for_url(ORDER)
    expect(other.get_by_text("Your basket is empty.")).to_be_visible()
    page.go_back()
    expect(page.get_by_text("Your basket is empty.")).to_be_visible()
    assert Order.objects.count() == 1


def test_an_unanswered_order_is_not_sent_again_as_somebody_else(visit: Visit, ada: Customer, ebook: Sku) -> None:
    create_account(customer=make_customer("eve@example.com"), password=PASSWORD)
    page = visit("/shop/")
    to_checkout(page, "Sketch of the Analytical Engine")
    type_card(page)
    page.route("**/ecommerce/order", lambda route: route.abort())
    page.get_by_role("button", name="Pay USD 9.00").click()
    expect(page.get_by_role("alert")).to_contain_text("The shop can't be reached")
    page.unroute("**/ecommerce/order")
    page.get_by_role("button", name="Sign out").click()
    follow(page, page.get_by_role("link", name="Sign in"))
    page.get_by_label("E-mail").first.fill("eve@example.com")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url("**/shop/")
    page.goto(page.url + "checkout/")
    expect(page.get_by_role("button", name="Pay USD 9.00")).to_be_visible()
    assert Order.objects.count() == 0


@pytest.mark.full
def test_who_was_signed_out_meanwhile_signs_in_and_goes_on(visit: Visit, ada: Customer, ebook: Sku) -> None:
    page = visit("/shop/")
    to_checkout(page, "Sketch of the Analytical Engine")
    type_card(page)
    Session.objects.all().delete()
    page.get_by_role("button", name="Pay USD 9.00").click()
    page.wait_for_url("**/shop/sign-in/?next=*")
    sign_in(page)
    expect(page.get_by_role("button", name="Pay USD 9.00")).to_be_visible()
    type_card(page)
    page.get_by_role("button", name="Pay USD 9.00").click()
    expect(page.get_by_text("Thank you: your order is placed and paid.")).to_be_visible()
    assert Order.objects.count() == 1
