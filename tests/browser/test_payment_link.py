"""A payment link in a real browser: copied by staff, and paid by its holder with a card that the bank asks about."""

import pytest
from django.contrib.auth.models import Permission
from playwright.sync_api import Page, expect

from backoffice.database_clock import now
from billing.models import Payment
from customers.models import User
from devserver.fake_stripe_server import FakeStripeServer
from ecommerce.models import Order, PaymentLink
from ecommerce.orders.payment_links import create_link
from tests.browser.conftest import Visit
from tests.browser.test_shop import authenticate, type_card
from tests.support.factories import ANA, place_order
from tests.support.order_acts import sweep_now

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("balanced")]
SECURE, DECLINED = "4000002500003155", "4000000000000002"


@pytest.fixture
def order() -> Order:
    return place_order(token="pm_card_chargeDeclinedInsufficientFunds", quantity=2)


def pay(page: Page, number: str) -> None:
    type_card(page, number)
    page.get_by_role("button", name="Pay USD 30.00").click()


def test_staff_copy_it_and_the_customer_pays_by_it(visit: Visit, order: Order) -> None:
    ana = User.objects.create(username="ana", is_staff=True)
    ana.user_permissions.set(Permission.objects.filter(codename__in=["view_order", "add_order"]))
    page = visit(f"/admin/ecommerce/order/{order.pk}/change/", ana)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy payment link").click()
    expect(page.get_by_text("Copied.")).to_be_visible()
    link = PaymentLink.objects.get()
    assert page.evaluate("navigator.clipboard.readText()") == link.url
    expect(page.get_by_label("Whoever has it can pay this order by card")).to_have_value(link.url)
    page.context.clear_permissions()

    page = visit(f"/pay/{link.token}/", phone=True)
    expect(page.get_by_role("status")).to_contain_text("Your card has insufficient funds.")
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0
    pay(page, DECLINED)
    expect(page.get_by_role("status")).to_contain_text("Your card was declined.")
    pay(page, SECURE)
    # The bank's page opens by itself; who fails there may try again.
    authenticate(page, "Fail")
    expect(page.get_by_role("status")).to_contain_text("pay with another card")
    pay(page, SECURE)
    page.frame_locator("iframe[name=stripe-challenge-frame]").get_by_role("button", name="Complete").wait_for()
    assert page.url.endswith(f"/pay/{link.token}/")
    # Opened anew, the page offers the bank's page by a button, and the way back from one is taken up.
    page.reload()
    page.get_by_role("button", name="Confirm with your bank").focus()
    page.keyboard.press("Enter")
    authenticate(page)
    expect(page.get_by_role("status")).to_contain_text(f"Order {order.number} is already paid.")
    order.refresh_from_db()
    assert order.status == "paid"


def test_sent_back_by_the_bank_the_page_asks_what_became_of_it(visit: Visit, fake_stripe: FakeStripeServer) -> None:
    order = place_order(token="pm_card_authenticationRequired")
    link = create_link(order_id=order.pk, by=ANA, at=now())
    intent = Payment.objects.get().stripe_payment_intent_id
    fake_stripe.post(f"3ds/{intent}", {"outcome": "complete"})
    page = visit(f"/pay/{link.token}/?payment_intent={intent}&payment_intent_client_secret=x&redirect_status=succeeded")
    expect(page.get_by_role("status")).to_contain_text(f"Order {order.number} is already paid.")
    assert page.url.endswith(f"/pay/{link.token}/")


def test_while_stripe_is_awaited_the_page_looks_again_by_itself(visit: Visit, fake_stripe: FakeStripeServer) -> None:
    fake_stripe.faults({"match": "POST /v1/payment_intents", "fault": "drop_after", "times": 1})
    order = place_order()
    page = visit(f"/pay/{create_link(order_id=order.pk, by=ANA, at=now()).token}/")
    expect(page.get_by_role("status")).to_contain_text("Your payment is being confirmed.")
    sweep_now()
    expect(page.get_by_role("status")).to_contain_text(f"Order {order.number} is already paid.")
