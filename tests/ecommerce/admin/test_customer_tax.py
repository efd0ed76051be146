from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from customers.models import Customer
from ecommerce.models import Product
from tests.ecommerce.admin.test_files import CUSTOMERS, PRODUCTS, bring_in, preview, taken_out
from tests.support.factories import make_customer
from tests.support.forms import filled_in, sentences


@pytest.fixture
def manager(as_role: Callable[[str], Client]) -> Client:
    return as_role("Manager")


def change(browser: Client, customer: Customer, **fields: Any) -> Any:
    page = f"{CUSTOMERS}{customer.pk}/change/"
    return browser.post(page, filled_in(browser.get(page)) | fields, follow=True)


def kept(customer: Customer) -> tuple[str, str, bool]:
    customer.refresh_from_db()
    return customer.tax_id, customer.tax_id_checked_by.partition(" ")[0], customer.tax_id_checked_at is not None


def test_a_tax_id_is_kept_with_who_checked_it(manager: Client) -> None:
    customer = make_customer()
    change(manager, customer, tax_id="fr 40 303 265 045")
    assert kept(customer) == ("FR40303265045", "python-stdnum", True)
    assert "Format and check digits are right (python-stdnum" in sentences(
        manager.get(f"{CUSTOMERS}{customer.pk}/change/")
    )
    change(manager, customer, tax_id="US12-3456789")
    assert kept(customer) == ("US123456789", "", False)
    assert "Not checked" in sentences(manager.get(f"{CUSTOMERS}{customer.pk}/change/"))
    change(manager, customer, tax_id="DE136695976")
    change(manager, customer, tax_id="")
    assert kept(customer) == ("", "", False)


def test_a_wrong_tax_id_is_said_and_not_kept(manager: Client) -> None:
    customer = make_customer()
    assert "The check digit of “FR40303265046” is wrong" in sentences(change(manager, customer, tax_id="FR40303265046"))
    assert kept(customer) == ("", "", False)


def test_a_new_customer_with_a_tax_id(manager: Client) -> None:
    blank = filled_in(manager.get(f"{CUSTOMERS}add/"))
    manager.post(f"{CUSTOMERS}add/", blank | {"email": "acme@example.com", "tax_id": "DE 136695976"})
    assert kept(Customer.objects.get(email="acme@example.com")) == ("DE136695976", "python-stdnum", True)


def test_an_exempt_customer_has_a_reason(manager: Client) -> None:
    customer = make_customer()
    assert "Say why: invoices have to name the reason." in sentences(change(manager, customer, tax_exempt="on"))
    assert "tick exempt from tax" in sentences(change(manager, customer, tax_exempt_reason="Embassy"))
    change(manager, customer, tax_exempt="on", tax_exempt_reason="Embassy")
    customer.refresh_from_db()
    assert (customer.tax_exempt, customer.tax_exempt_reason) == (True, "Embassy")


def test_a_file_brings_tax_ids(manager: Client, settings: Any, tmp_path: Any) -> None:
    ada = make_customer(tax_id="DE136695976", tax_id_checked_by="somebody", tax_id_checked_at="2026-01-01T12:00Z")
    bring_in(
        manager,
        CUSTOMERS,
        "email,tax_id,tax_exempt,tax_exempt_reason\n"
        "ada@example.com,,no,\n"
        "acme@example.com,el094259216,no,\n"
        "embassy@example.com,,yes,Embassy\n",
    )
    assert kept(ada) == ("", "", False)
    assert kept(Customer.objects.get(email="acme@example.com")) == ("EL094259216", "python-stdnum", True)
    assert Customer.objects.get(email="embassy@example.com").tax_exempt_reason == "Embassy"
    assert taken_out(manager, f"{CUSTOMERS}export/")[1]["tax_id"] == "EL094259216"
    shown = preview(manager, CUSTOMERS, "email,tax_id\nada@example.com,DE136695977\n")
    assert "The check digit of “DE136695977” is wrong" in sentences(shown)
    shown = preview(manager, CUSTOMERS, "email,tax_exempt\nada@example.com,yes\n")
    assert "Say why the customer is exempt" in sentences(shown)


def test_products_have_a_tax_category_in_files(manager: Client) -> None:
    bring_in(manager, PRODUCTS, "name,tax_category\nBook,reduced\n")
    assert Product.objects.get().tax_category == "reduced"
    assert taken_out(manager, f"{PRODUCTS}export/")[0]["tax_category"] == "reduced"
    shown = preview(manager, PRODUCTS, "name,tax_category\nPen,cheap\n")
    assert "write standard, reduced, super_reduced, zero, exempt, digital" in sentences(shown)
