"""Tax, shipping and prices by hand on the New order page, in a real browser."""

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from customers.models import Address, Customer, User
from ecommerce.models import Order, ShippingZone, ShopSettings, TaxRate
from tests.browser.conftest import Visit, follow
from tests.browser.test_new_order import ADD, choose, place
from tests.support.factories import make_address, make_card, make_customer, make_shipping_rate, make_sku, make_staff

pytestmark = pytest.mark.django_db(transaction=True)
VARIANTS = [
    (False, "light"),
    (True, "dark"),
    *(pytest.param(*variant, marks=pytest.mark.full) for variant in ((False, "dark"), (True, "light"))),
]


@pytest.fixture
def mia() -> User:
    rights = ("add_order", "view_order", "change_order", "discount_order", "override_shipping")
    return make_staff("mia", *(f"ecommerce.{right}" for right in rights))


@pytest.fixture
def ada() -> Customer:
    return make_customer()


@pytest.fixture
def berlin(ada: Customer) -> Address:
    """A German shop with VAT on top, which ships to Germany in two ways and to France in one."""
    ShopSettings.objects.update_or_create(pk=1, defaults={"country": "DE", "tax_included_currencies": []})
    TaxRate.objects.create(country="DE", tax_category="standard", name="VAT", percent=19)
    TaxRate.objects.create(country="FR", tax_category="standard", name="TVA", percent=20)
    zone = ShippingZone.objects.create(name="Germany", countries=["DE"])
    make_shipping_rate(zone, currency="usd", price=490)
    make_shipping_rate(zone, currency="usd", price=1290, name="Express")
    make_shipping_rate(ShippingZone.objects.create(name="France", countries=["FR"]), currency="usd", price=900)
    make_sku(shippable=True, price=2000)
    make_sku("EBOOK", product="Book", name="EPUB", price=900)
    make_card(ada)
    return make_address(ada, country="DE", city="Berlin", postal_code="10115")


def total(page: Page, text: str) -> None:
    expect(page.get_by_role("button", name=f"Submit and charge {text}")).to_be_enabled()


def begin(visit: Visit, user: User, ada: Customer, **options: Any) -> Page:
    page = visit(f"{ADD}?customer={ada.pk}", user, **options)
    choose(page, "SKU", "mug")
    total(page, "USD 29.63")
    return page


def test_totals_follow_the_address_and_the_method(visit: Visit, mia: User, ada: Customer, berlin: Address) -> None:
    page = begin(visit, mia, ada)
    expect(page.locator("#summary")).to_contain_text("VAT 19 %")
    page.get_by_role("radio", name="Express").check()
    total(page, "USD 39.15")
    page.get_by_role("radio", name="New address").check()
    page.get_by_label("Country").select_option(label="France")
    total(page, "USD 34.80")
    expect(page.locator("#summary")).to_contain_text("TVA 20 %")
    expect(page.get_by_role("radio", name="Parcel USD 9.00")).to_be_checked()
    page.get_by_label("Country").select_option(label="Japan")
    expect(page.locator("#delivery-note")).to_contain_text("is shipped to Japan; nothing was charged.")
    page.get_by_role("radio", name="Ada Lovelace").check()
    page.get_by_role("radio", name="Express").check()
    total(page, "USD 39.15")
    order = place(page, "Submit and charge USD 39.15")
    assert (order.status, order.shipping_name, order.tax) == ("paid", "Express", 625)


def test_an_order_by_agreement(visit: Visit, mia: User, ada: Customer, berlin: Address) -> None:
    page = begin(visit, mia, ada)
    expect(page.get_by_label("Discount on this item")).to_be_hidden()
    page.get_by_text("Add a discount or a custom line").click()
    page.get_by_label("Discount on this item").fill("10")
    total(page, "USD 27.25")
    page.get_by_role("button", name="Add a custom line").click()
    expect(page.get_by_label("What it is")).to_be_focused()
    page.get_by_label("What it is").fill("Engraving")
    page.get_by_label("Price of one in USD").fill("5")
    total(page, "USD 33.20")
    page.get_by_label("Discount on the whole order").fill("3.00")
    page.get_by_role("combobox", name="Percent or amount").last.select_option("USD")
    total(page, "USD 29.63")
    page.get_by_label("Another price in USD").fill("0")
    total(page, "USD 23.80")
    page.get_by_role("button", name="Submit and charge USD 23.80").click()
    page.get_by_role("link", name="Say why the discount is given.").click()
    reason = page.get_by_label("Why the discount is given")
    expect(reason).to_be_focused()
    expect(page.get_by_label("Discount on this item")).to_have_value("10")
    expect(page.get_by_label("What it is")).to_have_value("Engraving")
    expect(page.get_by_label("Another price in USD")).to_have_value("0")
    reason.fill("Late parcel")
    order = place(page, "Submit and charge USD 23.80")
    assert (order.manual_discount, order.discount_reason, order.shipping) == (500, "Late parcel", 0)
    assert list(order.items.order_by("pk").values_list("description", flat=True)) == ["Mug, red", "Engraving"]


def test_the_section_by_keyboard(visit: Visit, mia: User, ada: Customer, berlin: Address) -> None:
    page = begin(visit, mia, ada)
    page.locator("#manual summary").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.keyboard.type("Gift wrap")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.type("2.50")
    total(page, "USD 32.61")
    page.get_by_role("radio", name="Parcel").focus()
    page.keyboard.press("ArrowDown")
    total(page, "USD 42.13")
    expect(page.get_by_role("radio", name="Express")).to_be_focused()
    page.get_by_role("button", name="Remove this line").press("Enter")
    expect(page.get_by_role("button", name="Add a custom line")).to_be_focused()
    total(page, "USD 39.15")


@pytest.mark.full
def test_without_javascript(visit: Visit, mia: User, ada: Customer, berlin: Address) -> None:
    page = visit(f"{ADD}?customer={ada.pk}", mia, java_script_enabled=False)
    page.get_by_label("SKU").fill("mug")
    follow(page, page.get_by_role("button", name="Update totals"))
    page.get_by_role("radio", name="Express").check()
    page.get_by_text("Add a discount or a custom line").click()
    page.get_by_label("Discount on this item").fill("50%")
    page.get_by_label("Why the discount is given").fill("Scratched")
    follow(page, page.get_by_role("button", name="Add a custom line"))
    page.get_by_label("What it is").fill("Engraving")
    page.get_by_label("Price of one in USD").fill("1")
    follow(page, page.get_by_role("button", name="Update totals"))
    order = place(page, "Submit and charge USD 28.44")
    assert (order.manual_discount, order.shipping_name, order.total) == (1000, "Express", 2844)


def test_who_gives_no_discounts_sees_nothing_of_them(visit: Visit, ada: Customer, berlin: Address) -> None:
    page = begin(visit, make_staff("ana", "ecommerce.add_order", "ecommerce.view_order"), ada)
    expect(page.get_by_text("Add a discount or a custom line")).to_have_count(0)
    expect(page.get_by_label("Another price in USD")).to_have_count(0)
    assert not Order.objects.exists()


@pytest.mark.parametrize(("phone", "scheme"), VARIANTS)
def test_the_open_page_has_no_faults(
    visit: Visit, mia: User, ada: Customer, berlin: Address, phone: Any, scheme: str
) -> None:
    page = begin(visit, mia, ada, phone=phone, color_scheme=scheme)
    page.get_by_text("Add a discount or a custom line").click()
    page.get_by_role("button", name="Add a custom line").click()
    page.get_by_label("What it is").fill("Engraving")
    page.get_by_label("Discount on this item").fill("101")
    expect(page.get_by_text("A percentage is a number from 0 to 100")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    found = Axe().run(page).response["violations"]
    assert [each["id"] for each in found if each["impact"] in {"serious", "critical"}] == []
