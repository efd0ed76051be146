from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from customers.models import Customer
from ecommerce.erasure.run import execute_erasure
from ecommerce.models import Erasure, Order
from ecommerce.orders.cancel import cancel
from ecommerce.orders.errors import OrderError
from ecommerce.orders.pay import pay
from tests.support.factories import ANA, make_customer, place_order
from tests.support.forms import sentences

pytestmark = pytest.mark.django_db
AsRole = Callable[[str], Client]


@pytest.fixture(autouse=True)
def _files(settings: Any, tmp_path: Any) -> None:
    place = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": tmp_path}}
    settings.STORAGES = settings.STORAGES | {"import_export": place, "exports": place}


def page(customer: Customer, last: str) -> str:
    return f"/admin/customers/customer/{customer.pk}/{last}/"


def test_a_manager_erases_a_person_from_the_page(as_role: AsRole) -> None:
    customer, browser = make_customer(), as_role("Manager")
    assert "Erase this person" in sentences(browser.get(page(customer, "change")))
    asked = sentences(browser.get(page(customer, "erase")))
    assert "What goes" in asked
    assert "What stays 0 orders" in asked

    answer = browser.post(page(customer, "erase"), follow=True)
    assert "The account is shut." in sentences(answer)
    assert "This person is being erased." in sentences(answer)
    execute_erasure(erasure_id=Erasure.objects.get().pk)
    done = sentences(browser.get(page(customer, "change")))
    assert "This person was erased:" in done
    assert "Lovelace" not in done
    assert "Erase this person" not in done
    assert f"Erased customer {customer.pk}" in sentences(browser.get("/admin/customers/customer/"))


def test_it_says_what_must_end_first(as_role: AsRole) -> None:
    order, browser = place_order(), as_role("Manager")
    cancel(order_id=order.pk, reason="x", by=ANA, at=timezone.now())  # requested, not executed
    asked = sentences(browser.get(page(order.customer, "erase")))
    assert f"Order {order.number} waits for Stripe (cancellation)." in asked
    assert "What goes" not in asked
    answer = browser.post(page(order.customer, "erase"))
    assert f"Order {order.number} waits for Stripe (cancellation)." in sentences(answer)
    assert not Erasure.objects.exists()


@pytest.mark.parametrize("role", ["Viewer", "Support", "Finance", "Fulfillment"])
def test_it_needs_its_permission(as_role: AsRole, role: str) -> None:
    customer, browser = make_customer(), as_role(role)
    assert "Erase this person" not in sentences(browser.get(page(customer, "change")))
    assert browser.get(page(customer, "erase")).status_code == 403
    assert browser.post(page(customer, "erase")).status_code == 403
    assert not Erasure.objects.exists()


def test_an_unpaid_order_of_an_erased_customer_is_not_paid(as_role: AsRole) -> None:
    order, browser = place_order(token="pm_card_chargeDeclined"), as_role("Manager")
    browser.post(page(order.customer, "erase"))
    with pytest.raises(OrderError, match="has been erased: cancel the order"):
        pay(order_id=order.pk, token="pm_card_visa", by=ANA, at=timezone.now())
    assert Order.objects.get().status == "created"
