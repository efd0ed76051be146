"""A parcel comes back: its customer withdraws in the shop, and the returns desk scans it, counts it and refunds it."""

import re

import pytest
from playwright.sync_api import expect

from customers.models import Mail
from ecommerce.models import Order, Return
from tests.browser.conftest import Visit, follow
from tests.support.factories import make_staff
from tests.support.order_acts import settle
from tests.support.returned import sent

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("balanced")]


def test_a_guest_withdraws_on_a_phone_and_the_desk_takes_it_back(visit: Visit) -> None:
    order = sent()
    page = visit("/shop/", phone=True)
    follow(page, page.get_by_role("link", name="Withdraw from contract here"))
    page.get_by_label("Order number").fill(order.number)
    page.get_by_label("E-mail of the order").fill("ada@example.com")
    page.get_by_role("button", name="Withdraw from contract here").click()
    page.get_by_label("Mug, red (of 3)").fill("2")
    page.get_by_label("Shirt, red (of 2)").fill("0")
    assert Return.objects.count() == 0
    page.get_by_role("button", name="Confirm withdrawal").click()
    expect(page.locator("#withdrawn")).to_contain_text("We received your withdrawal")
    one = Return.objects.get()
    expect(page.locator("#withdrawn")).to_contain_text(one.number)
    assert Mail.objects.filter(kind="withdrawal").count() == 1

    handle = ("ecommerce.view_return", "ecommerce.handle_return", "ecommerce.view_order")
    desk = visit("/admin/ecommerce/return/", make_staff("ana", *handle))
    desk.get_by_role("searchbox").or_(desk.locator("#searchbar")).first.fill(one.number)
    desk.keyboard.press("Enter")  # as a scanner does
    expect(desk).to_have_url(re.compile(f"/return/{one.pk}/receive/"))
    desk.get_by_label("Mug, red: Resellable").fill("1")
    desk.get_by_label("Mug, red: Damaged").fill("1")
    follow(desk, desk.get_by_role("button", name="Receive"))
    follow(desk, desk.get_by_role("link", name="Close"))
    follow(desk, desk.get_by_role("button", name="Close, refund USD 30.00"))
    assert settle(order).amount_refunded == 3000
    assert Order.objects.get().status == "fulfilled"
    desk.reload()
    expect(desk.get_by_role("main")).to_contain_text("USD 30.00")
