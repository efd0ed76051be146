"""Two users have the same page open: nothing that one of them saved is lost by the other's save."""

from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.utils import timezone

from customers.models import Address, Customer
from ecommerce.models import Coupon, Product, Sku
from tests.support.factories import make_address, make_coupon, make_customer, make_sku, make_user
from tests.support.forms import filled_in, sentences

pytestmark = pytest.mark.django_db


@pytest.fixture
def ana() -> Client:
    return signed_in("ana")


@pytest.fixture
def ben() -> Client:
    return signed_in("ben")


def signed_in(username: str) -> Client:
    client = Client()
    client.force_login(make_user(username, is_superuser=True))
    return client


def url(row: Any) -> str:
    app = {"User": "customers", "Customer": "customers", "Group": "auth"}.get(type(row).__name__, "ecommerce")
    return f"/admin/{app}/{type(row).__name__.lower()}/{row.pk}/change/"


def fresh(row: Any) -> Any:
    return type(row)._default_manager.get(pk=row.pk)


def customer() -> Customer:
    return make_customer(first_name="Ada", last_name="Lovelace", phone="1")


def product() -> Product:
    return make_sku().product


def coupon() -> Coupon:
    return make_coupon(percent_off=10, redeem_by=timezone.now().replace(year=2040))


CASES: list[tuple[Any, dict[str, Any], dict[str, Any]]] = [
    (customer, {"first_name": "Augusta"}, {"phone": "2"}),
    (customer, {"last_name": "King"}, {"first_name": "Augusta"}),
    (product, {"name": "Cup"}, {"description": "Blue"}),
    (product, {"shippable": "on"}, {"name": "Cup"}),
    (make_sku, {"name": "Blue"}, {"price": "19.90"}),
    (make_sku, {"image": "https://example.com/a.png"}, {"name": "Blue"}),
    (coupon, {"max_redemptions": "7"}, {"redeem_by_0": "2041-01-02"}),
    (coupon, {"redeem_by_0": "2041-01-02"}, {"max_redemptions": "9"}),
]


@pytest.mark.parametrize(("make", "anas", "bens"), CASES)
def test_two_fields_changed_by_two_users_are_both_kept(
    ana: Client, ben: Client, make: Any, anas: dict[str, Any], bens: dict[str, Any]
) -> None:
    row = make()
    page = filled_in(ana.get(url(row)))
    assert ben.post(url(row), page | bens).status_code == 302
    between = fresh(row)
    assert ana.post(url(row), page | anas).status_code == 302
    after = fresh(row)
    for name in {key.removesuffix("_0") for key in bens}:
        assert getattr(after, name) == getattr(between, name) != getattr(row, name)
    for name in {key.removesuffix("_0") for key in anas}:
        assert getattr(after, name) != getattr(between, name)


@pytest.mark.parametrize(
    ("make", "field", "bens", "anas", "says"),
    [
        (customer, "phone", "2", "3", "Changed to “2” by ben at"),
        (customer, "first_name", "", "Augusta", "Changed to “empty” by ben at"),
        (product, "name", "Cup", "Pot", "Changed to “Cup” by ben at"),
        (make_sku, "price", "19.90", "21.00", "Changed to “19.90” by ben at"),
        (coupon, "max_redemptions", "7", "9", "Changed to “7” by ben at"),
        (coupon, "redeem_by_0", "2041-01-02", "2042-01-02", "Changed to “2041-01-02"),
    ],
)
def test_one_field_changed_by_two_users_is_refused_with_who_when_and_both_values(
    ana: Client, ben: Client, make: Any, field: str, bens: str, anas: str, says: str
) -> None:
    row, name = make(), field.removesuffix("_0")
    page = filled_in(ana.get(url(row)))
    ben.post(url(row), page | {field: bens})
    saved = getattr(fresh(row), name)
    refused = ana.post(url(row), page | {field: anas})
    assert refused.status_code == 200
    assert says in sentences(refused)
    assert filled_in(refused)[field] == anas
    assert getattr(fresh(row), name) == saved
    # Told, Ana saves again and means it.
    assert ana.post(url(row), filled_in(refused)).status_code == 302
    assert getattr(fresh(row), name) != saved


def test_both_writing_the_same_is_no_conflict(ana: Client, ben: Client) -> None:
    ada = customer()
    page = filled_in(ana.get(url(ada)))
    ben.post(url(ada), page | {"phone": "2"})
    assert ana.post(url(ada), page | {"phone": "2"}).status_code == 302
    assert fresh(ada).phone == "2"


def test_a_change_that_no_user_of_the_admin_made_is_named_without_anybody(ana: Client) -> None:
    ada = customer()
    page = filled_in(ana.get(url(ada)))
    Customer.objects.filter(pk=ada.pk).update(phone="2")
    refused = ana.post(url(ada), page | {"phone": "3"})
    assert "Changed to “2” after this page was opened." in sentences(refused)
    assert fresh(ada).phone == "2"


def test_roles_and_rights_of_staff_are_merged_and_refused_alike(ana: Client, ben: Client) -> None:
    cleo = make_user("cleo")
    support, finance = Group.objects.create(name="Night shift"), Group.objects.create(name="Day shift")
    page = filled_in(ana.get(url(cleo)))
    ben.post(url(cleo), page | {"groups": [str(support.pk)]})
    assert ana.post(url(cleo), page | {"first_name": "Cleo"}).status_code == 302
    assert list(fresh(cleo).groups.all()) == [support]
    refused = ana.post(url(cleo), page | {"groups": [str(finance.pk)]})
    assert "Changed to “Night shift” by ana at" in sentences(refused)
    assert list(fresh(cleo).groups.all()) == [support]


def test_rows_of_an_inline_are_merged_and_refused_alike(ana: Client, ben: Client) -> None:
    address = make_address(customer())
    ada = address.customer
    page = filled_in(ana.get(url(ada)))
    ben.post(url(ada), page | {"addresses-0-line1": "2 New Road"})
    assert ana.post(url(ada), page | {"addresses-0-city": "Paris"}).status_code == 302
    kept = Address.objects.get(pk=address.pk)
    assert (kept.line1, kept.city) == ("2 New Road", "Paris")
    refused = ana.post(url(ada), page | {"addresses-0-line1": "3 Old Road"})
    assert "Changed to “2 New Road”" in sentences(refused)
    assert Address.objects.get(pk=address.pk).line1 == "2 New Road"


def test_a_price_changed_on_the_products_page_is_not_put_back_by_the_skus_page(ana: Client, ben: Client) -> None:
    sku = make_sku(price=1250)
    page = filled_in(ana.get(url(sku)))
    products = filled_in(ben.get(url(sku.product)))
    ben.post(url(sku.product), products | {"skus-0-price": "13.00"})
    ana.post(url(sku), page | {"name": "Blue"})
    assert (fresh(sku).price, fresh(sku).name) == (1300, "Blue")


def test_stock_sold_meanwhile_is_not_a_conflict(ana: Client) -> None:
    sku = make_sku(stock=10)
    page = filled_in(ana.get(url(sku)))
    Sku.objects.filter(pk=sku.pk).update(inventory_quantity=7)
    assert ana.post(url(sku), page | {"inventory_quantity": "15"}).status_code == 302
    assert fresh(sku).inventory_quantity == 12


def test_a_form_posted_without_the_loaded_values_says_what_each_field_is_to_be(ana: Client) -> None:
    ada = customer()
    page = {name: value for name, value in filled_in(ana.get(url(ada))).items() if "initial-" not in name}
    Customer.objects.filter(pk=ada.pk).update(phone="2")
    assert ana.post(url(ada), page | {"phone": "3"}).status_code == 302
    assert fresh(ada).phone == "3"
