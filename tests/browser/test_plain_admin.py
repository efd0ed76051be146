"""The admin in a browser that runs no scripts."""

import pytest
from playwright.sync_api import expect

from customers.models import Address, User
from tests.browser.conftest import Visit
from tests.support.factories import make_customer

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def ana() -> User:
    return User.objects.create(username="ana", first_name="Ana", is_staff=True, is_superuser=True)


@pytest.mark.full
@pytest.mark.parametrize("path", ["add/", "{}/change/"])
def test_an_address_is_added_without_scripts(visit: Visit, ana: User, path: str) -> None:
    ada = make_customer()
    page = visit(f"/admin/customers/customer/{path.format(ada.pk)}", ana, java_script_enabled=False)
    page.get_by_label("E-mail").fill("grace@example.com")
    page.get_by_role("button", name="Save, then add an address").click()
    expect(page.get_by_label("E-mail")).to_have_value("grace@example.com")
    addresses = page.locator("#addresses-group")
    addresses.get_by_label("Name", exact=False).first.fill("Grace Hopper")
    addresses.get_by_label("Address line 1").first.fill("1 Navy Yard")
    addresses.get_by_label("City").first.fill("Washington")
    addresses.get_by_label("Country").first.select_option(label="United States")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("was changed successfully")).to_be_visible()
    address = Address.objects.get()
    assert str(address) == "Grace Hopper, 1 Navy Yard, Washington, United States"
    assert address.customer.email == "grace@example.com"


def test_the_menu_is_reached_without_scripts_on_a_phone(visit: Visit, ana: User) -> None:
    page = visit("/admin/", ana, phone=True, java_script_enabled=False)
    page.get_by_role("link", name="Menu").click()
    orders = page.locator("#nav-sidebar a[href='/admin/ecommerce/order/']")
    expect(orders).to_be_in_viewport()
    orders.click()
    expect(page.get_by_role("heading", name="Orders").first).to_be_visible()
