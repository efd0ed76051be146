from collections.abc import Callable
from typing import cast

import pytest
from django.contrib import admin
from django.test import Client

from customers.models import User
from pelcro_orders.navigation import SIDEBAR
from pelcro_orders.site import PERMISSIONS, StaffSite
from tests.support.factories import make_customer, make_sku
from tests.support.forms import sentences
from tests.support.rows import a_paid_order

AsRole = Callable[[str], Client]
SHARED = [
    "Dashboard",
    "Orders",
    "Returns",
    "Requests",
    "Products",
    "Coupons",
    "Shipping zones",
    "Tax rates",
    "Bulk jobs",
    "Customers",
    "Mail",
    "Invoices",
    "Credit notes",
    "Documents",
    "Payments",
    "Refunds",
    "Tax report",
]
PACKERS = [*SHARED[: SHARED.index("Shipping zones")], "Shipping", *SHARED[SHARED.index("Shipping zones") :]]
BOOKS = ["Exchange rates", "Differences"]
STAFF = ["Staff", "Roles", "API keys", "Webhooks out", "Activity"]


def listed(browser: Client) -> list[str]:
    groups = browser.get("/admin/").context["sidebar_navigation"]
    return [str(item["title"]) for group in groups for item in group["items"]]


@pytest.mark.parametrize(
    ("role", "expected"),
    [
        ("Viewer", SHARED),
        ("Support", SHARED),
        ("Fulfillment", PACKERS),
        ("Finance", [*SHARED, *BOOKS, "Seller", "Settings"]),
        ("Manager", [*PACKERS, *BOOKS, "Webhooks", "Webhooks out", "Activity", "Seller", "Settings"]),
        ("admin", [*PACKERS, *BOOKS, "Webhooks", *STAFF, "Seller", "Settings", "System"]),
        ("nobody", ["Dashboard"]),
    ],
)
def test_the_sidebar_lists_what_a_person_may_open(as_role: AsRole, role: str, expected: list[str]) -> None:
    # A model whose pages are not part of this installation is left out of the sidebar.
    there = {
        str(title)
        for _, items in SIDEBAR
        for label, title, _ in items
        if label in PERMISSIONS or cast("StaffSite", admin.site).model_admin(label)
    }

    assert listed(as_role(role)) == [title for title in expected if title in {"Dashboard", *there}]


@pytest.mark.parametrize("role", ["Viewer", "Manager", "admin"])
def test_what_is_listed_opens(as_role: AsRole, role: str) -> None:
    browser = as_role(role)

    for group in browser.get("/admin/").context["sidebar_navigation"]:
        for item in group["items"]:
            assert browser.get(str(item["link"])).status_code == 200


def test_signing_in_leads_to_the_dashboard(client: Client, db: None) -> None:
    User.objects.create_user("ana", password="ana-password", is_staff=True)

    page = client.get("/admin/login/")
    answer = client.post("/admin/login/", {"username": "ana", "password": "ana-password"}, follow=True)

    assert "Pelcro Orders" in sentences(page)
    assert answer.redirect_chain == [("/admin/", 302)]
    assert "Dashboard" in sentences(answer)


def test_what_is_typed_into_the_palette_is_found_within_bounds(as_role: AsRole) -> None:
    sku = make_sku()
    for number in range(12):
        a_paid_order(make_customer(f"ada{number}@example.com"), sku)
    browser = as_role("Viewer")

    page = sentences(browser.get("/admin/search/", {"s": "lovelace", "extended": "1"}))
    pages = sentences(browser.get("/admin/search/", {"s": "inv", "extended": "1"}))

    assert page.count("• Customer") == 5
    assert page.count("Ada Lovelace · USD 30.00 · Paid") == 10  # orders and invoices
    assert "Invoices • Page" in pages
    assert browser.get("/admin/search/", {"s": "  "}).content == b""
    assert browser.get("/admin/search/", {"s": "\0nobody", "extended": "1"}).status_code == 400


def test_the_palette_finds_nothing_that_a_person_may_not_open(as_role: AsRole) -> None:
    a_paid_order(make_customer(), make_sku())

    page = sentences(as_role("nobody").get("/admin/search/", {"s": "ada", "extended": "1"}))

    assert "Lovelace" not in page
    assert "No results" in page


def test_names_in_the_palette_are_shown_as_text(as_role: AsRole) -> None:
    make_customer("eve@example.com", first_name="<script>alert(1)</script>")

    assert b"<script>alert(1)" not in as_role("Viewer").get("/admin/search/", {"s": "eve@", "extended": "1"}).content
