"""Every kind of page by axe-core: nothing serious or critical, light and dark, wide and on a phone."""

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.contrib.auth.models import Group
from playwright.sync_api import Page

from billing.models import Difference, Invoice, Payment, WebhookEvent
from customers.models import Mail, User
from ecommerce.models import ApiKey, BulkJob, Order
from tests.browser.conftest import Visit
from tests.support.bulk_jobs import a_job, work
from tests.support.factories import (
    make_address,
    make_card,
    make_coupon,
    make_customer,
    make_shipping_rate,
    make_sku,
    place_order,
)
from tests.support.rows import an_event

pytestmark = pytest.mark.django_db(transaction=True)
VARIANTS = [
    pytest.param(phone, scheme, id=f"{'phone' if phone else 'wide'}-{scheme}")
    for phone in (False, True)
    for scheme in ("light", "dark")
]
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
    job = work(a_job("fulfill", [other, declined], ana))
    Order.objects.filter(pk=declined.pk).update(attention="A refund of USD 15.00 failed: the card is closed.")
    key = ApiKey.objects.first() or ApiKey.objects.create(name="Till", prefix="sk", permissions=[])
    event = an_event()
    role = Group.objects.create(name="Packers")
    lists = {
        model._meta.label: f"/admin/{model._meta.app_label}/{model._meta.model_name}/"
        for model in (Order, BulkJob, Invoice, Payment, Difference, WebhookEvent, Mail, User, ApiKey, Group)
    } | {name: f"/admin/ecommerce/{name}/" for name in ("product", "coupon", "shippingzone")}
    order = f"/admin/ecommerce/order/{paid.pk}"
    product = sku.product_id
    return {
        **lists,
        "refunds": "/admin/billing/refund/",
        "customers": "/admin/customers/customer/",
        "dashboard": "/admin/",
        "orders with filters": "/admin/ecommerce/order/?filters=1&status__exact=paid",
        "nothing found": "/admin/ecommerce/order/?q=nobody",
        "order": f"{order}/change/",
        "declined order": f"/admin/ecommerce/order/{declined.pk}/change/",
        "options": f"{order}/options/",
        "cancel": f"{order}/cancel/",
        "fulfill": f"{order}/fulfill/",
        "partial refund": f"{order}/refund/",
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
        "job": f"/admin/ecommerce/bulkjob/{job.pk}/change/",
        "new customer": "/admin/customers/customer/add/",
        "customer": f"/admin/customers/customer/{ada.pk}/change/",
        "invoice": f"/admin/billing/invoice/{paid.invoice_id}/change/",
        "payment": f"/admin/billing/payment/{Payment.objects.latest('pk').pk}/change/",
        "webhook": f"/admin/billing/webhookevent/{event.pk}/change/",
        "staff member": f"/admin/customers/user/{ana.pk}/change/",
        "new staff member": "/admin/customers/user/add/",
        "role": f"/admin/auth/group/{role.pk}/change/",
        "new role": "/admin/auth/group/add/",
        "new key": "/admin/ecommerce/apikey/add/",
        "key": f"/admin/ecommerce/apikey/{key.pk}/change/",
        "nothing there": "/admin/nothing/",
    }


SHOP = ("", "checkout/", "sign-in/", "basket/", "orders/", "account/", "password/")


def faults(page: Page) -> list[str]:
    found: list[dict[str, Any]] = Axe().run(page).response["violations"]
    return [
        f"{each['id']} ({each['impact']}): {node['target']} {node['html'][:120]}"
        for each in found
        if each["impact"] in BAD
        for node in each["nodes"][:3]
    ]


@pytest.mark.parametrize(("phone", "scheme"), VARIANTS)
def test_no_page_of_staff_has_a_serious_fault(
    visit: Visit, ana: User, pages: dict[str, str], *, phone: bool, scheme: str
) -> None:
    page = visit("/admin/", ana, phone=phone, color_scheme=scheme)
    base = page.url.removesuffix("/admin/")
    found: dict[str, list[str]] = {}
    for name, address in pages.items():
        page.goto(f"{base}{address}")
        page.wait_for_load_state("networkidle")
        wide = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        problems = faults(page) + ([f"{wide} px too wide"] if wide > 0 else [])
        problems += [] if page.locator("main").count() == 1 else ["not one main landmark"]
        if problems:
            found[name] = problems
    assert found == {}


@pytest.mark.parametrize(("phone", "scheme"), VARIANTS)
def test_the_confirmation_of_a_mass_action_has_no_serious_fault(
    visit: Visit, ana: User, pages: dict[str, str], *, phone: bool, scheme: str
) -> None:
    page = visit("/admin/ecommerce/order/?status__exact=paid", ana, phone=phone, color_scheme=scheme)
    page.locator(".action-select").first.check()
    assert faults(page) == []
    page.get_by_label("Mass actions", exact=True).locator("select, [name=action]").first.select_option("cancel_orders")
    page.get_by_role("button", name="Go").click()
    assert faults(page) == []


@pytest.mark.parametrize(("phone", "scheme"), VARIANTS)
def test_no_page_for_strangers_has_a_serious_fault(
    visit: Visit, pages: dict[str, str], *, phone: bool, scheme: str
) -> None:
    page = visit("/admin/login/", phone=phone, color_scheme=scheme)
    base = page.url.split("/admin/")[0]
    found = {}
    for address in ("/admin/login/", *(f"/shop/{name}" for name in SHOP), "/shop/nothing-here/"):
        page.goto(f"{base}{address}")
        page.wait_for_load_state("networkidle")
        problems = faults(page)
        if problems:
            found[address] = problems
    assert found == {}
