"""A packer with a scanner, which types codes and presses Enter, faster than a page loads."""

import pytest
from playwright.sync_api import Page, expect

from customers.models import User
from tests.browser.conftest import Visit
from tests.support.factories import make_sku
from tests.support.order_acts import fresh, paid_lines

pytestmark = pytest.mark.django_db(transaction=True)
# What sounds, and how often the printer was asked, in a browser that nobody hears.
LISTEN = """
window.sounds = []; window.printed = 0; window.print = () => { window.printed += 1; };
const start = OscillatorNode.prototype.start;
OscillatorNode.prototype.start = function (...at) { window.sounds.push(this.type); return start.apply(this, at); };
"""


def scan(page: Page, code: str) -> None:
    page.keyboard.type(code)
    page.keyboard.press("Enter")


def test_an_order_is_packed_by_scanner_alone(visit: Visit) -> None:
    ana = User.objects.create(username="ana", is_staff=True, is_superuser=True)
    order = paid_lines((make_sku("MUG", shippable=True), 3), (make_sku("TEE", shippable=True), 1))
    first = visit("/admin/ecommerce/shipping/scan/", ana, phone=True)
    page = first.context.new_page()  # with which the script goes
    page.add_init_script(LISTEN)
    page.goto(first.url)
    scan(page, order.number)
    count = page.get_by_role("status").filter(has_text="of 4")
    expect(count).to_have_text("0 of 4")
    for code in ("mug", "TEE", "MUG"):
        scan(page, code)
    expect(count).to_have_text("3 of 4")
    scan(page, "TEE")
    alarm = page.get_by_role("alert")
    expect(alarm).to_contain_text("One too many: Mug, red (TEE)")
    scan(page, "MUG")  # while it sounds nothing counts, and Enter does not silence it
    expect(alarm).to_be_visible()
    assert page.evaluate("window.sounds").count("square") >= 4
    page.reload()
    expect(alarm).to_be_visible()
    page.keyboard.press("Escape")
    expect(alarm).to_be_hidden()
    expect(count).to_have_text("3 of 4")
    scan(page, "MUG")
    expect(page.get_by_role("heading", name=f"Order {order.number} is packed")).to_be_visible()
    assert page.evaluate("window.printed") == 1
    assert fresh(order).status == "fulfilled"
    page.emulate_media(media="print")
    expect(page.get_by_role("region", name="Packing slip")).to_be_visible()
    expect(page.get_by_role("button", name="Print the slip")).to_be_hidden()
