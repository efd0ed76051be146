"""Reasons that staff edit, and the rules of returns on products and the shop."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from backoffice.models import Activity
from ecommerce.models import OrderAct, Product, Reason, ShopSettings
from tests.support.factories import make_customer, make_sku, place_order
from tests.support.forms import filled_in

pytestmark = pytest.mark.django_db
LIST, SETTINGS = "/admin/ecommerce/reason/", "/admin/settings/"


@pytest.fixture
def manager(as_role: Callable[[str], Client]) -> Client:
    return as_role("Manager")


def offered(page: Any) -> list[str]:
    return [text for text, _label in page.context["form"].fields["chosen_reason"].choices]


def test_a_new_shop_has_reasons_of_each_kind() -> None:
    assert [len(Reason.objects.texts(kind)) > 3 for kind in Reason.Kind] == [True, True, True]


def test_staff_add_a_reason_and_activity_has_it(manager: Client) -> None:
    manager.post(f"{LIST}add/", {"kind": "cancel", "text": "Customer moved", "position": "1", "active": "on"})
    assert Reason.objects.texts("cancel")[0] == "Customer moved"
    assert Activity.objects.filter(object_type="ecommerce.reason", act="added", kind="setting").count() == 1
    twice = manager.post(f"{LIST}add/", {"kind": "cancel", "text": "customer MOVED", "position": "1"})
    assert "This reason is there already." in twice.content.decode()
    assert "Customer moved" in manager.get(LIST, {"kind__exact": "cancel"}).content.decode()


@pytest.mark.parametrize(("act", "kind"), [("cancel", "cancel"), ("refund", "refund")])
def test_the_forms_of_acts_offer_the_active_reasons(manager: Client, act: str, kind: str) -> None:
    Reason.objects.filter(kind=kind).exclude(position=10).update(active=False)
    order = place_order(customer=make_customer(), sku=make_sku())
    assert offered(manager.get(f"/admin/ecommerce/order/{order.pk}/{act}/")) == ["", *Reason.objects.texts(kind)]


def test_the_act_stores_the_reason_and_the_words(manager: Client) -> None:
    order = place_order(customer=make_customer(), sku=make_sku(price=4500))
    url = f"/admin/ecommerce/order/{order.pk}/cancel/"
    manager.post(url, {"confirmed": "4500", "chosen_reason": "Ordered by mistake", "reason": "meant blue"})
    assert OrderAct.objects.latest("pk").reason == "Ordered by mistake: meant blue"


def test_without_reasons_there_are_words_alone(manager: Client) -> None:
    Reason.objects.update(active=False)
    order = place_order(customer=make_customer(), sku=make_sku(price=4500))
    url = f"/admin/ecommerce/order/{order.pk}/refund/"
    assert "chosen_reason" not in manager.get(url).context["form"].fields
    manager.post(url, {"confirmed": "100", "amount": "1.00", "reason": "Late"})
    assert OrderAct.objects.latest("pk").reason == "Late"


def test_an_order_keeps_the_rules_that_its_products_had() -> None:
    sku = make_sku()
    Product.objects.update(final_sale=True, withdrawal_exception="sealed")
    order = place_order(customer=make_customer(), sku=sku)
    Product.objects.update(final_sale=False, withdrawal_exception="")
    assert list(order.items.values_list("final_sale", "withdrawal_exception")) == [(True, "sealed")]


def test_the_rules_are_settings(manager: Client) -> None:
    page = manager.get(SETTINGS)
    assert "reasons are offered" in page.content.decode()
    typed = filled_in(page) | {"return_days": "", "cancel_minutes": "30", "answer_days": "3"}
    manager.post(SETTINGS, typed | {"tax_included_currencies": [], "stacked_countries": ["US"]})
    shop = ShopSettings.objects.get()
    assert (shop.return_days, shop.cancel_minutes, shop.answer_days) == (None, 30, 3)
