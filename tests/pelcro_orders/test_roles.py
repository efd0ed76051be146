from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client

from billing.models import Difference, Invoice, Payment, Refund, WebhookEvent
from customers.models import Customer
from ecommerce.models import Coupon, Order, Product, Sku, TaxRate, WebhookEndpoint
from ecommerce.roles import ROLES
from ecommerce.webhooks import endpoints
from tests.support.factories import make_coupon, make_customer, make_shipping_rate, make_sku
from tests.support.rows import a_paid_order, a_refund, an_event

AsRole = Callable[[str], Client]
ALL = {"admin", *ROLES}
SERVING = {"admin", "Support", "Manager"}
MANAGING = {"admin", "Manager"}
ACCOUNTING = {"admin", "Finance", "Manager"}
ADMIN = {"admin"}
NOBODY: set[str] = set()

# What opens for whom; everybody else is refused. Adding means opening its form.
MATRIX = {
    "ecommerce/product/": ALL,
    "ecommerce/product/add/": MANAGING,
    "ecommerce/product/{product}/change/": ALL,
    "ecommerce/product/{product}/delete/": MANAGING,
    "ecommerce/sku/": ALL,
    "ecommerce/sku/add/": MANAGING,
    "ecommerce/sku/{sku}/change/": ALL,
    "ecommerce/sku/{sku}/delete/": MANAGING,
    "ecommerce/coupon/": ALL,
    "ecommerce/coupon/add/": MANAGING,
    "ecommerce/coupon/{coupon}/change/": ALL,
    "ecommerce/coupon/{coupon}/delete/": MANAGING,
    "ecommerce/shippingzone/": ALL,
    "ecommerce/shippingzone/add/": MANAGING,
    "ecommerce/shippingzone/{shippingzone}/change/": ALL,
    "ecommerce/shippingzone/{shippingzone}/delete/": MANAGING,
    "ecommerce/taxrate/": ALL,
    "ecommerce/taxrate/add/": ACCOUNTING,
    "ecommerce/taxrate/load-eu-rates/": ACCOUNTING,
    "ecommerce/taxrate/{taxrate}/change/": ALL,
    "ecommerce/taxrate/{taxrate}/delete/": ACCOUNTING,
    "settings/": ACCOUNTING,
    "ecommerce/shopsettings/add/": NOBODY,
    "ecommerce/shopsettings/1/delete/": NOBODY,
    "ecommerce/order/": ALL,
    "ecommerce/return/": ALL,
    "ecommerce/return/add/": NOBODY,
    "ecommerce/customerrequest/": ALL,
    "ecommerce/customerrequest/add/": NOBODY,
    "ecommerce/reason/": ALL,
    "ecommerce/reason/add/": MANAGING,
    "customers/mailtemplate/": MANAGING,
    "customers/mailtemplate/shipped/": MANAGING,
    "customers/customer/": ALL,
    "customers/customer/add/": SERVING,
    "customers/customer/{customer}/change/": ALL,
    "customers/customer/{customer}/delete/": NOBODY,
    "billing/invoice/": ALL,
    "billing/invoice/add/": NOBODY,
    "billing/invoice/{invoice}/change/": ALL,
    "billing/invoice/{invoice}/delete/": NOBODY,
    "billing/creditnote/": ALL,
    "billing/creditnote/add/": NOBODY,
    "billing/creditnote/{note}/change/": ALL,
    "billing/creditnote/{note}/delete/": NOBODY,
    "billing/taxreport/": ALL,
    "billing/payment/": ALL,
    "billing/payment/add/": NOBODY,
    "billing/payment/{payment}/change/": ALL,
    "billing/payment/{payment}/delete/": NOBODY,
    "billing/refund/": ALL,
    "billing/refund/add/": NOBODY,
    "billing/refund/{refund}/change/": ALL,
    "billing/refund/{refund}/delete/": NOBODY,
    "billing/difference/": ACCOUNTING,
    "billing/difference/add/": NOBODY,
    "billing/difference/{difference}/change/": ACCOUNTING,
    "billing/difference/{difference}/delete/": NOBODY,
    "billing/webhookevent/": MANAGING,
    "billing/webhookevent/add/": NOBODY,
    "ecommerce/webhookendpoint/": MANAGING,
    "ecommerce/webhookendpoint/add/": MANAGING,
    "ecommerce/webhookendpoint/{endpoint}/change/": MANAGING,
    "ecommerce/webhookendpoint/{endpoint}/delete/": MANAGING,
    "ecommerce/webhookendpoint/{endpoint}/rotate/": MANAGING,
    "ecommerce/webhookendpoint/{endpoint}/since/": MANAGING,
    "ecommerce/webhookendpoint/{endpoint}/test/": MANAGING,
    "ecommerce/webhookdelivery/": MANAGING,
    "ecommerce/webhookdelivery/add/": NOBODY,
    "ecommerce/webhookdelivery/{delivery}/change/": MANAGING,
    "ecommerce/webhookdelivery/{delivery}/delete/": NOBODY,
    "billing/webhookevent/{event}/change/": MANAGING,
    "billing/webhookevent/{event}/delete/": NOBODY,
    "customers/user/": ADMIN,
    "customers/user/add/": ADMIN,
    "auth/group/": ADMIN,
    "auth/group/add/": ADMIN,
}
# Who may send the form of a page that others may only look at.
WRITERS = {
    "ecommerce/product/add/": MANAGING,
    "ecommerce/product/{product}/change/": MANAGING,
    "ecommerce/sku/{sku}/change/": MANAGING,
    "ecommerce/coupon/{coupon}/change/": MANAGING,
    "ecommerce/shippingzone/{shippingzone}/change/": MANAGING,
    "ecommerce/taxrate/add/": ACCOUNTING,
    "ecommerce/taxrate/load-eu-rates/": ACCOUNTING,
    "ecommerce/taxrate/{taxrate}/change/": ACCOUNTING,
    "settings/": MANAGING,
    "customers/customer/add/": SERVING,
    "customers/customer/{customer}/change/": SERVING,
    "billing/payment/{payment}/change/": NOBODY,
    "billing/difference/{difference}/change/": NOBODY,
    "billing/refund/{refund}/change/": NOBODY,
    "billing/webhookevent/{event}/change/": NOBODY,
    "billing/webhookevent/{event}/again/": MANAGING,
    "ecommerce/webhookendpoint/add/": MANAGING,
    "ecommerce/webhookendpoint/{endpoint}/change/": MANAGING,
    "ecommerce/webhookendpoint/{endpoint}/since/": MANAGING,
    "ecommerce/webhookendpoint/{endpoint}/off/": MANAGING,
    "ecommerce/webhookendpoint/{endpoint}/on/": MANAGING,
    "ecommerce/webhookendpoint/{endpoint}/rotate/": MANAGING,
    "ecommerce/webhookendpoint/{endpoint}/test/": MANAGING,
    "ecommerce/webhookdelivery/{delivery}/again/": MANAGING,
    "customers/user/add/": ADMIN,
    "auth/group/add/": ADMIN,
}
EVERYBODY = sorted({*ALL, "nobody"})


@pytest.fixture
def shop(db: None) -> dict[str, int]:
    sku = make_sku()
    order = a_paid_order(make_customer(), sku)
    refund = a_refund(order, 100)
    rows: dict[str, Any] = {"product": sku.product, "sku": sku, "coupon": make_coupon(), "customer": order.customer}
    rows |= {"invoice": order.invoice, "payment": refund.payment, "refund": refund, "event": an_event()}
    rows["note"] = refund.credit_note
    rows["endpoint"] = WebhookEndpoint.objects.create(url="https://erp.example.com/hooks")
    rows["delivery"] = endpoints.send_test(endpoint_id=rows["endpoint"].pk)
    rows["shippingzone"] = make_shipping_rate().zone
    rows["taxrate"] = TaxRate.objects.create(country="DE", name="VAT", percent=19)
    rows["difference"] = Difference.objects.create(kind="charge_differs", stripe_id="pi_1", payment=refund.payment)
    return {name: row.pk for name, row in rows.items()}


@pytest.mark.parametrize("role", EVERYBODY)
def test_each_role_opens_exactly_what_it_may(role: str, as_role: AsRole, shop: dict[str, int]) -> None:
    browser = as_role(role)

    opened = {page: browser.get(f"/admin/{page.format(**shop)}").status_code for page in MATRIX}

    # What was ordered or can't be found again says so by leading back: deleting a SKU with orders answers 302.
    assert {page: status in {200, 302} for page, status in opened.items()} == {
        page: role in allowed for page, allowed in MATRIX.items()
    }
    assert set(opened.values()) <= {200, 302, 403}


@pytest.mark.parametrize("role", EVERYBODY)
def test_each_role_sends_exactly_the_forms_it_may(role: str, as_role: AsRole, shop: dict[str, int]) -> None:
    browser = as_role(role)

    refused = {page: browser.post(f"/admin/{page.format(**shop)}", {}).status_code == 403 for page in WRITERS}

    assert refused == {page: role not in allowed for page, allowed in WRITERS.items()}


def test_nothing_changes_by_forms_that_are_refused(as_role: AsRole, shop: dict[str, int]) -> None:
    before = [list(model.objects.order_by("pk").values()) for model in (Product, Sku, Coupon, Customer, Order, Invoice)]
    before += [list(model.objects.order_by("pk").values()) for model in (Payment, Refund, WebhookEvent)]
    browser = as_role("Viewer")

    for page in WRITERS:
        browser.post(f"/admin/{page.format(**shop)}", {"name": "x", "email": "x@example.com", "active": "on"})

    after = [list(model.objects.order_by("pk").values()) for model in (Product, Sku, Coupon, Customer, Order, Invoice)]
    after += [list(model.objects.order_by("pk").values()) for model in (Payment, Refund, WebhookEvent)]
    assert after == before


def test_a_stranger_is_sent_to_the_sign_in(client: Client, shop: dict[str, int]) -> None:
    for page in MATRIX:
        answer = client.get(f"/admin/{page.format(**shop)}")
        assert answer.status_code == 302
        assert answer["Location"].startswith("/admin/login/")


def test_the_migration_made_the_roles_as_the_table_says(db: None) -> None:
    made = {
        group.name: {f"{each.content_type.app_label}.{each.codename}" for each in group.permissions.all()}
        for group in Group.objects.prefetch_related("permissions__content_type")
    }

    assert made == {name: set(labels) for name, labels in ROLES.items()}


@pytest.mark.parametrize(
    ("role", "acts"),
    [
        ("Viewer", set()),
        ("Support", {"add_order", "cancel_order", "return_order"}),
        ("Fulfillment", {"fulfill_order", "export_order"}),
        ("Finance", {"refund_payment", "export_order"}),
        ("Manager", {"add_order", "cancel_order", "return_order", "fulfill_order", "export_order", "refund_payment"}),
    ],
)
def test_acts_of_each_role(role: str, acts: set[str]) -> None:
    known = {"add_order", "cancel_order", "return_order", "fulfill_order", "export_order", "refund_payment"}

    assert {label.split(".")[1] for label in ROLES[role]} & known == acts
