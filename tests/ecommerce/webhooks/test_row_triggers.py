"""Customers, stock and returns of whole orders are told of, whoever changes their rows."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.models import F
from django.utils import timezone

from customers.models import Address, Customer, FrozenAddress
from ecommerce.erasure.request import request_erasure
from ecommerce.erasure.run import execute_erasure
from ecommerce.models import ShopSettings, Sku, WebhookEndpoint
from ecommerce.orders import place as placing
from ecommerce.orders.return_order import return_order
from tests.support.factories import ANA, make_address, make_customer, make_sku, place_order, wanted_by
from tests.support.order_acts import fulfilled, settle

pytestmark = pytest.mark.django_db


@pytest.fixture
def endpoint(db: None) -> WebhookEndpoint:
    return WebhookEndpoint.objects.create(url="https://erp.example.com/hooks")


def told(endpoint: WebhookEndpoint) -> list[tuple[str, str, int]]:
    """Give what was queued since the last question."""
    rows = endpoint.deliveries.order_by("pk")
    found = list(rows.values_list("type", "object_type", "object_id"))
    rows.delete()
    return found


def test_a_customer_is_told_of_when_made_changed_and_deleted(endpoint: WebhookEndpoint) -> None:
    ada = make_customer()
    Customer.objects.filter(pk=ada.pk).update(phone="+44 20 7946 0000")
    Customer.objects.filter(pk=ada.pk).update(phone="+44 20 7946 0000", stripe_customer_id="cus_1")
    key, stream = ada.pk, endpoint.deliveries.values_list("stream", "sequence", "triggered_from")
    assert [(name, by) for name, _, by in stream] == [(f"customer-{key}", "system")] * 2
    assert len({sequence for _, sequence, _ in stream}) == 2
    assert told(endpoint) == [("customer.created", "customer", key), ("customer.updated", "customer", key)]
    ada.delete()
    assert told(endpoint) == [("customer.deleted", "customer", key)]


def test_an_address_changes_its_customer(endpoint: WebhookEndpoint) -> None:
    ada = make_customer()
    address = make_address(ada)
    address.city = "Paris"
    address.save()
    address.delete()
    updated = ("customer.updated", "customer", ada.pk)
    assert told(endpoint) == [("customer.created", "customer", ada.pk), updated, updated, updated]


@pytest.mark.django_db(transaction=True)
def test_another_change_waits_for_the_address_of_an_order_and_has_the_higher_number(endpoint: WebhookEndpoint) -> None:
    ada, mug = make_customer(), make_sku(shippable=True)
    where = FrozenAddress(name="Ada", line1="1 High St", line2="", city="Ely", state="", postal_code="", country="GB")

    def rename() -> None:
        Customer.objects.filter(pk=ada.pk).update(first_name="Augusta")
        connection.close()

    with ThreadPoolExecutor(1) as other:
        with transaction.atomic():
            placing._address(wanted_by(ada, mug, new_address=where), ada)
            renaming = other.submit(rename)
            with pytest.raises(TimeoutError):
                renaming.result(timeout=0.3)
        renaming.result(timeout=10)
    assert Address.objects.get().city == "Ely"
    assert len(told(endpoint)) == 3


def test_an_erased_customer_is_told_of_once_as_deleted(endpoint: WebhookEndpoint) -> None:
    ada = make_customer()
    make_address(ada)
    told(endpoint)
    erasure = request_erasure(customer=ada, by=ANA, at=timezone.now())
    execute_erasure(erasure_id=erasure.pk)
    assert told(endpoint) == [("customer.deleted", "customer", ada.pk)]


def test_stock_is_low_once_when_it_becomes_so_and_again_after_it_was_not(endpoint: WebhookEndpoint) -> None:
    sku = make_sku(stock=7)

    def left(quantity: int) -> list[tuple[str, str, int]]:
        Sku.objects.filter(pk=sku.pk).update(inventory_quantity=quantity)
        return told(endpoint)

    low = [("stock.low", "sku", sku.pk)]
    assert [left(quantity) for quantity in (6, 5, 4, 0, 5, 6, 5)] == [[], low, [], [], [], [], low]


def test_the_threshold_is_the_skus_own_or_the_shops(endpoint: WebhookEndpoint) -> None:
    ShopSettings.objects.update(low_stock_at=20)
    shops, own, infinite, sold = make_sku("A", stock=21), make_sku("B", stock=21), make_sku("C"), make_sku("D", stock=9)
    Sku.objects.filter(pk=own.pk).update(low_stock_at=2)
    Sku.objects.filter(pk=sold.pk).update(active=False, low_stock_at=2)
    Sku.objects.exclude(pk=infinite.pk).update(inventory_quantity=F("inventory_quantity") - 7)
    assert told(endpoint) == [("stock.low", "sku", shops.pk)]
    Sku.objects.filter(pk=own.pk).update(inventory_quantity=2)
    assert told(endpoint) == [("stock.low", "sku", own.pk)]
    assert set(Sku.objects.low()) == {shops, own}


def test_an_order_that_takes_the_last_ones_makes_stock_low(endpoint: WebhookEndpoint, fake_stripe: Any) -> None:
    place_order(sku=make_sku(stock=6))
    assert "stock.low" in [kind for kind, _, _ in told(endpoint)]


def test_the_return_of_a_whole_order_is_told_of_as_closed(endpoint: WebhookEndpoint, fake_stripe: Any) -> None:
    order = fulfilled(sku=make_sku(shippable=True), address_id=make_address(make_customer()).pk)
    told(endpoint)
    return_order(order_id=order.pk, reason="", restock=True, by=ANA, at=timezone.now())
    settle(order)
    rows = list(endpoint.deliveries.order_by("sequence").values_list("type", "object_id", "stream"))
    (one,) = order.returns.all()
    assert ("return.closed", one.pk, f"order-{order.pk}") in rows
    assert {stream for _, _, stream in rows} == {f"order-{order.pk}"}


def test_without_endpoints_nothing_is_written(db: None) -> None:
    make_address(make_customer())
    endpoint = WebhookEndpoint.objects.create(url="https://erp.example.com/hooks", event_types=["stock.low"])
    make_customer("bob@example.com")
    assert told(endpoint) == []
