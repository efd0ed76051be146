from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.db.models import F
from django.test import Client
from django.test.utils import CaptureQueriesContext

from ecommerce.models import Product, Sku
from tests.support.factories import make_customer, make_sku
from tests.support.forms import filled_in, sentences
from tests.support.rows import an_order

LIST = "/admin/ecommerce/product/"
SKUS = "/admin/ecommerce/sku/"


@pytest.fixture
def manager(as_role: Callable[[str], Client]) -> Client:
    return as_role("Manager")


def product_page(product: Product) -> str:
    return f"{LIST}{product.pk}/change/"


def save(browser: Client, address: str, **changes: Any) -> Any:
    answer = browser.post(address, filled_in(browser.get(address)) | changes, follow=True)
    assert answer.status_code == 200
    return answer


def test_a_new_product_with_two_skus(manager: Client) -> None:
    sent = filled_in(manager.get(f"{LIST}add/")) | {
        "name": "Mug", "skus-TOTAL_FORMS": "2",
        "skus-0-code": "MUG-RED", "skus-0-name": "red", "skus-0-price": "1,284.50", "skus-0-currency": "usd",
        "skus-0-inventory_type": "finite", "skus-0-inventory_quantity": "7", "skus-0-active": "on",
        "skus-1-code": "MUG-JP", "skus-1-name": "kyoto", "skus-1-price": "4500", "skus-1-currency": "jpy",
        "skus-1-inventory_type": "infinite", "skus-1-inventory_quantity": "", "skus-1-active": "on",
    }  # fmt: skip

    answer = manager.post(f"{LIST}add/", sent, follow=True)

    assert "was added" in sentences(answer)
    found = Sku.objects.order_by("code").values_list("code", "price", "currency", "inventory_quantity", "product__name")
    assert list(found) == [("MUG-JP", 4500, "jpy", 0, "Mug"), ("MUG-RED", 128450, "usd", 7, "Mug")]


def test_a_new_product_may_have_no_sku_yet(manager: Client) -> None:
    manager.post(f"{LIST}add/", filled_in(manager.get(f"{LIST}add/")) | {"name": "Mug"})

    assert Product.objects.get().name == "Mug"
    assert not Sku.objects.exists()


def test_a_price_without_its_currency_is_refused(manager: Client) -> None:
    sku = make_sku()

    answer = save(manager, product_page(sku.product), **{"skus-0-currency": "", "skus-0-price": "1"})

    assert "This field is required." in sentences(answer)
    assert Sku.objects.values_list("currency", "price").get() == ("usd", 1500)


@pytest.mark.parametrize(
    ("currency", "typed", "said"),
    [
        ("usd", "ten", "“ten” is not an amount"),
        ("usd", "1.005", "at most 2 decimals"),
        ("jpy", "45.50", "has no decimals"),
        ("usd", "-1", "can't be below zero"),
        ("isk", "10.50", "goes in steps of 1.00"),
        ("usd", "", "This field is required"),
    ],
)
def test_a_price_that_is_none_is_refused_in_words(manager: Client, currency: str, typed: str, said: str) -> None:
    sku = make_sku(currency=currency, price=1000)

    answer = save(manager, product_page(sku.product), **{"skus-0-price": typed})

    assert said in sentences(answer)
    assert Sku.objects.get().price == 1000


@pytest.mark.parametrize(
    ("currency", "price", "shown"), [("usd", 1500, "15.00"), ("jpy", 4500, "4500"), ("kwd", 4500, "4.500")]
)
def test_a_price_is_shown_in_its_unit_and_saved_as_it_was(
    manager: Client, currency: str, price: int, shown: str
) -> None:
    sku = make_sku(currency=currency, price=price)

    assert filled_in(manager.get(product_page(sku.product)))["skus-0-price"] == shown
    save(manager, product_page(sku.product), **{"skus-0-name": "blue"})

    assert Sku.objects.values_list("price", "name").get() == (price, "blue")


def test_stock_changes_by_what_was_added_whatever_was_sold_meanwhile(manager: Client) -> None:
    sku = make_sku(stock=10)
    form = filled_in(manager.get(product_page(sku.product)))
    Sku.objects.update(inventory_quantity=F("inventory_quantity") - 2)

    manager.post(product_page(sku.product), form | {"skus-0-inventory_quantity": "15"})

    assert Sku.objects.get().inventory_quantity == 13


def test_a_form_that_leaves_the_stock_alone_leaves_it_alone(manager: Client) -> None:
    sku = make_sku(stock=10)
    for address, field in ((product_page(sku.product), "skus-0-name"), (f"{SKUS}{sku.pk}/change/", "name")):
        form = filled_in(manager.get(address))
        Sku.objects.update(inventory_quantity=F("inventory_quantity") - 1)
        manager.post(address, form | {field: "blue"})

    assert Sku.objects.values_list("inventory_quantity", "name").get() == (8, "blue")


def test_stock_never_goes_below_zero(manager: Client) -> None:
    sku = make_sku(stock=10)
    form = filled_in(manager.get(f"{SKUS}{sku.pk}/change/"))
    Sku.objects.update(inventory_quantity=1)

    manager.post(f"{SKUS}{sku.pk}/change/", form | {"inventory_quantity": "2"})

    assert Sku.objects.get().inventory_quantity == 0


def test_an_ordered_sku_keeps_its_currency(manager: Client) -> None:
    sku = make_sku()
    an_order(make_customer(), sku)

    answer = save(manager, product_page(sku.product), **{"skus-0-currency": "eur"})

    assert "This SKU was ordered in USD; make another SKU for another currency." in sentences(answer)
    assert Sku.objects.get().currency == "usd"


def test_an_ordered_sku_is_not_deleted_but_may_become_inactive(manager: Client) -> None:
    sku = make_sku()
    an_order(make_customer(), sku)

    answer = save(manager, product_page(sku.product), **{"skus-0-DELETE": "on"})
    assert "SKU MUG-RED was ordered: it stays" in sentences(answer)
    for address in (f"{SKUS}{sku.pk}/delete/", f"{LIST}{sku.product.pk}/delete/"):
        assert "Make it inactive to stop selling it." in sentences(manager.post(address, {"post": "yes"}, follow=True))
    assert Sku.objects.count() == Product.objects.count() == 1

    form = filled_in(manager.get(product_page(sku.product)))
    form.pop("skus-0-active")
    manager.post(product_page(sku.product), form)
    assert not Sku.objects.get().active


def test_what_was_never_ordered_is_deleted(manager: Client) -> None:
    kept, gone = make_sku("A"), make_sku("B")

    save(manager, product_page(kept.product), **{"skus-0-DELETE": "on"})
    assert "Are you sure" in sentences(manager.get(f"{LIST}{gone.product.pk}/delete/"))
    manager.post(f"{LIST}{gone.product.pk}/delete/", {"post": "yes"})

    assert not Sku.objects.exists()
    assert list(Product.objects.all()) == [kept.product]


def test_selling_is_stopped_for_many_at_once(manager: Client, as_role: Callable[[str], Client]) -> None:
    mug, tee = make_sku("A").product, make_sku("B").product
    ticked = {"action": "stop_selling", "_selected_action": [mug.pk, tee.pk]}

    as_role("Viewer").post(LIST, ticked)
    assert Product.objects.filter(active=True).count() == 2
    answer = manager.post(LIST, ticked, follow=True)

    assert "2 now not on sale." in sentences(answer)
    assert not Product.objects.filter(active=True).exists()


def test_who_may_only_look_sees_money_and_no_fields(as_role: Callable[[str], Client]) -> None:
    sku = make_sku()
    viewer = as_role("Viewer")

    for address in (product_page(sku.product), f"{SKUS}{sku.pk}/change/"):
        page = viewer.get(address)
        assert "USD 15.00" in sentences(page)
        assert not {"skus-0-price", "price"} & set(filled_in(page))


def test_names_are_shown_as_text(manager: Client) -> None:
    sku = make_sku(product="<script>alert(1)</script>", name="<b>x</b>")

    for address in (
        LIST,
        SKUS,
        product_page(sku.product),
        f"{SKUS}{sku.pk}/change/",
        f"{LIST}{sku.product.pk}/delete/",
    ):
        page = manager.get(address).content.decode()
        assert "<script>alert(1)" not in page
        assert "<b>x</b>" not in page


@pytest.mark.parametrize("text", ["MUG-7", "mug-7", "Thing 7"])
def test_search(manager: Client, text: str) -> None:
    for number in range(5, 9):
        make_sku(f"MUG-{number}", product=f"Thing {number}")

    page = sentences(manager.get(LIST, {"q": text}))

    assert "Thing 7" in page
    assert "Thing 6" not in page


def test_the_list_asks_no_more_for_many_than_for_one(manager: Client) -> None:
    make_sku("A", price=100)
    few = queries_of(manager, LIST)
    for number in range(20):
        make_sku(f"B{number}", price=number * 100)

    assert queries_of(manager, LIST) == few <= 10


def queries_of(browser: Client, address: str) -> int:
    with CaptureQueriesContext(
        connection,
    ) as asked:
        assert browser.get(address).status_code == 200
    return len(asked)


def test_empty_lists_say_what_to_do(manager: Client) -> None:
    assert "Add product" in sentences(manager.get(LIST))
    assert "Add SKU" in sentences(manager.get(SKUS))
