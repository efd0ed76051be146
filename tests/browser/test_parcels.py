"""A part of an order leaves in two parcels, on a phone and by keyboard; the customer sees them in the shop."""

import re

import pytest
from playwright.sync_api import expect

from backoffice.database_clock import now
from customers.accounts import create_account
from customers.models import User
from ecommerce.orders.fulfill import fulfill
from tests.browser.conftest import PHONE, Visit, follow
from tests.support.admin import LIST
from tests.support.api_client import PASSWORD
from tests.support.factories import ANA, make_sku
from tests.support.order_acts import counts, paid_lines

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_packer_sends_two_parcels_and_the_customer_sees_them(visit: Visit) -> None:
    ana = User.objects.create(username="ana", first_name="Ana", is_staff=True, is_superuser=True)
    order = paid_lines((make_sku("MUG", name="Red mug", shippable=True), 3), (make_sku("TEE", shippable=True), 2))
    page = visit(f"{LIST}{order.pk}/fulfill/", ana, phone=True)
    amounts = page.get_by_role("spinbutton")
    amounts.nth(0).fill("1")
    amounts.nth(1).fill("0")
    follow(page, page.get_by_role("button", name="Add a parcel"))
    amounts = page.get_by_role("spinbutton")
    expect(amounts.nth(2)).to_have_value("2")
    amounts.nth(3).fill("1")
    page.get_by_label("Carrier").nth(1).fill("UPS")
    page.get_by_label("Tracking number").nth(1).fill("1Z 5R8 939 03 5756 7127")
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    with page.expect_navigation():
        page.get_by_label("Tracking number").nth(1).press("Enter")
    expect(page.get_by_role("heading", name="Parcels")).to_be_visible()
    assert counts(order) == [(3, 0, 0), (1, 0, 0)]
    expect(page.get_by_role("link", name="1Z5R89390357567127")).to_have_attribute(
        "href", "https://www.ups.com/track?tracknum=1Z5R89390357567127"
    )

    create_account(customer=order.customer, password=PASSWORD)
    shop = visit(f"/shop/orders/{order.number}/")
    shop.get_by_label("E-mail").first.fill(order.customer.email)
    shop.get_by_label("Password", exact=True).fill(PASSWORD)
    shop.get_by_role("button", name="Sign in", exact=True).click()
    expect(shop.locator("#parcel-lines li")).to_have_count(2)
    expect(shop.locator("#to-come")).to_contain_text("Still to come: 1 x")
    expect(shop.get_by_role("link", name="1Z5R89390357567127")).to_be_visible()


def test_a_chosen_file_leaves_the_carrier_as_it_is(visit: Visit) -> None:
    ana = User.objects.create(username="ana", is_staff=True, is_superuser=True)
    page = visit("/admin/ecommerce/shipping/tracking/", ana)
    page.get_by_label("File").set_input_files(
        {"name": "day.csv", "mimeType": "text/csv", "buffer": b"Order,Tracking\n"}
    )
    expect(page.get_by_label("Carrier")).to_have_value("")


def test_a_parcel_is_corrected_from_a_filtered_list(visit: Visit) -> None:
    ana = User.objects.create(username="ana", is_staff=True, is_superuser=True)
    order = paid_lines((make_sku("MUG", shippable=True), 1))
    fulfill(order_id=order.pk, by=ANA, at=now())
    page = visit(f"{LIST}?q={order.number}", ana)
    follow(page, page.get_by_role("link", name=order.number, exact=True).first)
    follow(page, page.locator("a[href*='?parcel='][href*='&_changelist_filters=']").nth(1))
    expect(page.get_by_role("link", name="Back to the order")).to_have_attribute(
        "href", re.compile("_changelist_filters")
    )
    page.get_by_label("Tracking number").fill("ABC123456")
    page.get_by_label("Reason").fill("The label was swapped")
    follow(page, page.get_by_role("button", name="Save"))
    expect(page.get_by_text("ABC123456").first).to_be_visible()
