"""Every kind of page by axe-core: nothing serious or critical, light and dark, wide and on a phone."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.contrib.auth.models import Group
from django.utils import timezone
from playwright.sync_api import Page
from pytest_django.live_server_helper import LiveServer

from backoffice.database_clock import now
from billing.models import Difference, Invoice, Payment, WebhookEvent
from customers.models import Mail, User
from ecommerce.models import ApiKey, BulkJob, Order, OrderNote, Return, WebhookEndpoint
from ecommerce.orders.fulfill import fulfill
from ecommerce.orders.hold import hold
from ecommerce.orders.payment_links import create_link, revoke_links
from ecommerce.orders.tags import tag
from ecommerce.webhooks import endpoints
from tests.browser.conftest import Visit, follow
from tests.support import returned
from tests.support.bulk_jobs import a_job, work
from tests.support.factories import (
    ANA,
    make_address,
    make_card,
    make_coupon,
    make_customer,
    make_shipping_rate,
    make_sku,
    place_order,
)
from tests.support.order_acts import paid_lines
from tests.support.rows import a_refund, an_event

pytestmark = pytest.mark.django_db(transaction=True)
WIDTHS = pytest.mark.parametrize("phone", [False, True], ids=["wide", "phone"])
# Half of the pages wide and in light, the others on a phone and in dark; or all of them in each of the four ways.
SHARES = pytest.mark.parametrize(
    "every", [False, pytest.param(True, marks=pytest.mark.full)], ids=["by turns", "every page"]
)
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
TABS = 4
BAD = {"serious", "critical"}


@pytest.fixture
def ana() -> User:
    user = User.objects.create(username="ana", first_name="Ana", is_staff=True, is_superuser=True)
    user.set_password("ana-password")
    user.save()
    return user


@pytest.fixture
def pages(ana: User) -> dict[str, str]:
    ada = make_customer(phone="+44 20 7946 0000")
    make_address(ada)
    card = make_card(ada)
    sku = make_sku(stock=20)
    coupon = make_coupon()
    paid, other = place_order(card_id=card.pk, token="", coupon_code=coupon.code), place_order(quantity=1)
    declined = place_order(token="pm_card_chargeDeclined", quantity=1)
    create_link(order_id=declined.pk, by=ANA, at=now())
    moved = place_order(sku=make_sku("TEE-M", shippable=True), address_id=ada.addresses.get().pk)
    for each in (paid, moved):
        tag(order_id=each.pk, add=["VIP", "fragile"], by=ANA, at=timezone.now())
        OrderNote.objects.create(order=each, text="Called, no answer", **ANA.columns)
    hold(order_id=moved.pk, reason="Waits for an answer", by=ANA, at=timezone.now())
    job = work(a_job("fulfill", [other, declined], ana))
    Order.objects.filter(pk=declined.pk).update(attention="A refund of USD 15.00 failed: the card is closed.")
    returns = returns_of_each_kind()
    sent = paid_lines((make_sku("PARCEL", shippable=True), 3))
    item = sent.items.get().pk
    fulfill(order_id=sent.pk, items=[(item, 1)], carrier="UPS", tracking_number="1Z5R89390357567127", by=ANA, at=now())
    parcel = sent.fulfillments.get().pk
    key = ApiKey.objects.first() or ApiKey.objects.create(name="Till", prefix="sk", permissions=[])
    event = an_event()
    endpoint = WebhookEndpoint.objects.create(url="https://erp.example.com/hooks", description="ERP")
    role = Group.objects.create(name="Packers")
    lists = {
        model._meta.label: f"/admin/{model._meta.app_label}/{model._meta.model_name}/"
        for model in (Order, BulkJob, Invoice, Payment, Difference, WebhookEvent, Mail, User, ApiKey, Group)
    } | {name: f"/admin/ecommerce/{name}/" for name in ("product", "coupon", "shippingzone")}
    note = a_refund(paid, 500).credit_note
    order = f"/admin/ecommerce/order/{paid.pk}"
    product = sku.product_id
    return {
        **lists,
        "refunds": "/admin/billing/refund/",
        "customers": "/admin/customers/customer/",
        "dashboard": "/admin/",
        "system": "/admin/system/",
        "settings": "/admin/settings/",
        "orders with filters": "/admin/ecommerce/order/?filters=1&status__exact=paid",
        "nothing found": "/admin/ecommerce/order/?q=nobody",
        "order": f"{order}/change/",
        "declined order": f"/admin/ecommerce/order/{declined.pk}/change/",
        "options": f"{order}/options/",
        "cancel": f"{order}/cancel/",
        "hold": f"{order}/hold/",
        "correct the address": f"/admin/ecommerce/order/{moved.pk}/correct_address/",
        "tags": "/admin/ecommerce/tag/",
        "fulfill": f"/admin/ecommerce/order/{sent.pk}/fulfill/",
        "parcels": f"/admin/ecommerce/order/{sent.pk}/change/",
        "undo fulfillment": f"/admin/ecommerce/order/{sent.pk}/undo_fulfillment/",
        "correct tracking": f"/admin/ecommerce/order/{sent.pk}/correct_tracking/?parcel={parcel}",
        "partial refund": f"{order}/refund/",
        "refund shown": f"{order}/refund/?confirmed=&amount=1.00",
        "cancel items": f"{order}/cancel_items/",
        "write to the customer": f"{order}/write/",
        "pay again": f"/admin/ecommerce/order/{declined.pk}/pay/",
        "new order": f"/admin/ecommerce/order/add/?customer={ada.pk}",
        "new product": "/admin/ecommerce/product/add/",
        "product": f"/admin/ecommerce/product/{product}/change/",
        "product deleted": f"/admin/ecommerce/product/{product}/delete/",
        "product history": f"/admin/ecommerce/product/{product}/history/",
        "product import": "/admin/ecommerce/product/import/",
        "new coupon": "/admin/ecommerce/coupon/add/",
        "coupon": f"/admin/ecommerce/coupon/{coupon.pk}/change/",
        "new shipping zone": "/admin/ecommerce/shippingzone/add/",
        "shipping zone": f"/admin/ecommerce/shippingzone/{make_shipping_rate().zone_id}/change/",
        "shipping": "/admin/ecommerce/shipping/",
        "print the day": "/admin/ecommerce/shipping/print/",
        "scan to pack": "/admin/ecommerce/shipping/scan/",
        "tracking file": "/admin/ecommerce/shipping/tracking/",
        "job": f"/admin/ecommerce/bulkjob/{job.pk}/change/",
        "new customer": "/admin/customers/customer/add/",
        "customer": f"/admin/customers/customer/{ada.pk}/change/",
        "invoice": f"/admin/billing/invoice/{paid.invoice_id}/change/",
        "credit notes": "/admin/billing/creditnote/",
        "credit note": f"/admin/billing/creditnote/{note.pk}/change/",
        "documents": "/admin/billing/document/",
        "tax report": "/admin/billing/taxreport/",
        "seller": "/admin/billing/seller/",
        "new exchange rate": "/admin/billing/exchangerate/add/",
        "payment": f"/admin/billing/payment/{Payment.objects.latest('pk').pk}/change/",
        "webhook": f"/admin/billing/webhookevent/{event.pk}/change/",
        "staff member": f"/admin/customers/user/{ana.pk}/change/",
        "new staff member": "/admin/customers/user/add/",
        "role": f"/admin/auth/group/{role.pk}/change/",
        "new role": "/admin/auth/group/add/",
        "new key": "/admin/ecommerce/apikey/add/",
        "key": f"/admin/ecommerce/apikey/{key.pk}/change/",
        "new endpoint": "/admin/ecommerce/webhookendpoint/add/",
        "endpoint": f"/admin/ecommerce/webhookendpoint/{endpoint.pk}/change/",
        "endpoint that is off": f"/admin/ecommerce/webhookendpoint/{an_endpoint_that_is_off().pk}/change/",
        "endpoint rotated": f"/admin/ecommerce/webhookendpoint/{endpoint.pk}/rotate/",
        "endpoint since": f"/admin/ecommerce/webhookendpoint/{endpoint.pk}/since/",
        "endpoints": "/admin/ecommerce/webhookendpoint/",
        "deliveries": "/admin/ecommerce/webhookdelivery/",
        "delivery": f"/admin/ecommerce/webhookdelivery/{endpoints.send_test(endpoint_id=endpoint.pk).pk}/change/",
        "returns": "/admin/ecommerce/return/",
        "requests": "/admin/ecommerce/customerrequest/",
        "requests declined": f"/admin/ecommerce/customerrequest/?act=decline&chosen=return-{returns['requested'].pk}",
        "reasons": "/admin/ecommerce/reason/",
        "mails": "/admin/customers/mailtemplate/",
        "mail template": "/admin/customers/mailtemplate/order_confirmed/",
        "return opened": f"/admin/ecommerce/return/open/{returns['requested'].order_id}/",
        "return approved": f"/admin/ecommerce/return/{returns['requested'].pk}/approve/",
        "return received": f"/admin/ecommerce/return/{returns['approved'].pk}/receive/",
        "return closed": f"/admin/ecommerce/return/{returns['received'].pk}/close/",
        "return": f"/admin/ecommerce/return/{returns['received'].pk}/change/",
        "return slip": f"/admin/ecommerce/return/{returns['received'].pk}/slip/",
        "nothing there": "/admin/nothing/",
    }


def an_endpoint_that_is_off() -> WebhookEndpoint:
    endpoint = WebhookEndpoint.objects.create(url="https://crm.example.com/hooks", description="CRM")
    endpoints.switch_off(endpoint_id=endpoint.pk, reason="No event has reached it for a day.")
    return endpoint


def returns_of_each_kind() -> dict[str, Return]:
    order = returned.sent()
    return {
        "requested": returned.opened(order, 1, approved=False),
        "approved": returned.opened(order, 1, is_withdrawal=True),
        "received": returned.received(order, 1),
    }


SHOP = ("", "withdraw/", "checkout/", "sign-in/", "basket/", "orders/", "account/", "password/")
RUN = "options => axe.run({...options, resultTypes: ['violations']}).then(results => results.violations)"
# All rules in light; in dark the document is the same one, and only its colors are others.
OF_COLORS = {"runOnly": ["color-contrast", "link-in-text-block"]}
# The theme looks at the scheme when it is told of a change, and then fades colours over.
LOOK_AGAIN = """async () => {
  const theme = window.Alpine && Alpine.$data(document.documentElement);
  if (theme && "adminTheme" in theme) {
    theme.adminTheme = "light";
    await Alpine.nextTick();
    theme.adminTheme = "auto";
    await Alpine.nextTick();
  }
  for (const each of document.getAnimations()) if (each instanceof CSSTransition) each.finish();
}"""


def schemes(page: Page, chosen: Sequence[Literal["light", "dark"]] = SCHEMES) -> Iterator[str]:
    """Show a page in light, then in dark."""
    for scheme in chosen:
        page.emulate_media(color_scheme=scheme)
        page.evaluate(LOOK_AGAIN)
        if page.locator("html[x-data]").count():
            assert page.locator("html.dark").count() == (scheme == "dark")
        yield scheme


def faults(page: Page, *, of_colors: bool = False) -> list[str]:
    if not page.evaluate("'axe' in window"):
        page.evaluate(Axe().axe_script)
    found: list[dict[str, Any]] = page.evaluate(RUN, OF_COLORS if of_colors else {})
    return [
        f"{each['id']} ({each['impact']}): {node['target']} {node['html'][:120]}"
        for each in found
        if each["impact"] in BAD
        for node in each["nodes"][:3]
    ]


def faults_by_scheme(page: Page) -> list[list[str]]:
    return [faults(page, of_colors=scheme == "dark") for scheme in schemes(page)]


def opened(page: Page, addresses: Iterable[str]) -> Iterator[tuple[str, Page]]:
    """Open addresses in several tabs, so that the half second in which each network must be idle passes at once."""
    tabs = [page, *(page.context.new_page() for _ in range(TABS - 1))]
    left = list(addresses)
    while left:
        batch, left = list(zip(left, tabs, strict=False)), left[TABS:]
        for address, tab in batch:
            tab.goto(address)
        for address, tab in batch:
            tab.wait_for_load_state("networkidle")
            yield address, tab


def check(first: Page, addresses: Sequence[str], *, phone: bool, every: bool) -> None:
    found: dict[str, list[str]] = {}
    for address, page in opened(first, addresses if every else addresses[phone::2]):
        for scheme in schemes(page, SCHEMES if every else SCHEMES[phone:][:1]):
            wide = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
            problems = faults(page, of_colors=every and scheme == "dark")
            problems += [f"{wide} px too wide"] if wide > 0 else []
            problems += [] if page.locator("main").count() == 1 else ["not one main landmark"]
            if problems:
                found[f"{address} in {scheme}"] = problems
    assert found == {}


@WIDTHS
@SHARES
def test_no_page_of_staff_has_a_serious_fault(
    visit: Visit, ana: User, pages: dict[str, str], live_server: LiveServer, *, phone: bool, every: bool
) -> None:
    first = visit("/admin/", ana, phone=phone)
    check(first, [f"{live_server.url}{each}" for each in pages.values()], phone=phone, every=every)


@WIDTHS
def test_the_confirmation_of_a_mass_action_has_no_serious_fault(
    visit: Visit, ana: User, pages: dict[str, str], *, phone: bool
) -> None:
    page = visit("/admin/ecommerce/order/?status__exact=paid", ana, phone=phone)
    page.locator(".action-select").first.check()
    assert faults_by_scheme(page) == [[], []]
    page.get_by_label("Mass actions", exact=True).locator("select, [name=action]").first.select_option("cancel_orders")
    follow(page, page.get_by_role("button", name="Go"))
    assert faults_by_scheme(page) == [[], []]


def payment_pages() -> list[str]:
    """Give the page of a payment link for an order that was declined, that waits for the bank, and that is over."""
    links = []
    for token in ("pm_card_chargeDeclined", "pm_card_authenticationRequired", "pm_card_chargeDeclined"):
        order = place_order(token=token, quantity=1)
        links.append(create_link(order_id=order.pk, by=ANA, at=now()))
    revoke_links(order_id=links[-1].order_id, by=ANA, at=now())
    return [f"/pay/{link.token}/" for link in links]


@WIDTHS
@SHARES
def test_no_page_for_strangers_has_a_serious_fault(
    visit: Visit, pages: dict[str, str], live_server: LiveServer, *, phone: bool, every: bool
) -> None:
    first = visit("/admin/login/", phone=phone)
    paths = ("/admin/login/", *(f"/shop/{name}" for name in SHOP), "/shop/nothing-here/", *payment_pages())
    check(first, [f"{live_server.url}{path}" for path in paths], phone=phone, every=every)
