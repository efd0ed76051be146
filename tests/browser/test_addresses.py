"""Forms of addresses follow the country, and each page writes an address as its country does."""

import pytest
from playwright.sync_api import expect

from customers.models import User
from tests.browser.conftest import Visit
from tests.support.factories import make_address, make_customer, make_shipping_rate

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def ana() -> User:
    return User.objects.create(username="ana", first_name="Ana", is_staff=True, is_superuser=True)


def test_a_customers_address_is_named_as_the_country_does(visit: Visit, ana: User) -> None:
    ada = make_customer()
    make_address(ada, city="San Francisco", state="California", country="US", postal_code="94105")
    page = visit(f"/admin/customers/customer/{ada.pk}/change/#addresses", ana)
    rows = page.locator("#addresses-group")
    expect(rows.get_by_text("San Francisco, CA 94105")).to_be_visible()
    expect(rows.get_by_label("ZIP code")).to_have_value("94105")
    rows.get_by_role("link", name="Add another Address").click()
    rows.get_by_label("Country").nth(1).select_option("SG")
    expect(rows.locator("#id_addresses-1-city")).to_be_hidden()
    rows.get_by_label("Country").nth(1).select_option("GB")
    expect(rows.get_by_label("Post town")).to_be_visible()


def test_a_zone_is_made_by_keyboard(visit: Visit, ana: User) -> None:
    make_shipping_rate()
    page = visit("/admin/ecommerce/shippingzone/add/", ana)
    page.get_by_label("Name").first.fill("Neighbours")
    search = page.locator(".field-countries .select2-search__field")
    for country in ("Franc", "Germ"):
        search.press_sequentially(country)
        search.press("Enter")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("Already in the zone “Germany”: Germany.")).to_be_visible()
    expect(page.locator(".field-countries")).to_contain_text("France")
