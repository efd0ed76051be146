import csv
import io
import os
from collections.abc import Callable
from pathlib import Path
from time import time
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db.models import F
from django.test import Client

from customers.models import Customer
from ecommerce.models import Product, Sku
from ecommerce.retention.tasks import remove_old_exports
from tests.support.factories import make_customer, make_sku
from tests.support.forms import filled_in, sentences
from tests.support.rows import an_order

AsRole = Callable[[str], Client]
CUSTOMERS, PRODUCTS, SKUS = "/admin/customers/customer/", "/admin/ecommerce/product/", "/admin/ecommerce/sku/"


@pytest.fixture(autouse=True)
def files(settings: Any, tmp_path: Any) -> None:
    location = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": tmp_path}}
    settings.STORAGES = settings.STORAGES | {"import_export": location}


@pytest.fixture
def manager(as_role: AsRole) -> Client:
    return as_role("Manager")


def preview(browser: Client, address: str, text: str | bytes) -> Any:
    file = SimpleUploadedFile("rows.csv", text.encode("utf-8-sig") if isinstance(text, str) else text)
    return browser.post(f"{address}import/", {"import_file": file, "format": "0", "resource": ""})


def bring_in(browser: Client, address: str, text: str | bytes) -> Any:
    shown = preview(browser, address, text)
    assert "Confirm import" in sentences(shown), sentences(shown)
    return browser.post(f"{address}process_import/", filled_in(shown), follow=True)


def taken_out(browser: Client, address: str) -> list[dict[str, str]]:
    answer = browser.get(address)
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    text = b"".join(answer.streaming_content).decode()  # type: ignore[attr-defined]
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_customers_go_out_and_come_back_the_same(manager: Client) -> None:
    make_customer(phone="+44 20 7946", first_name='=HYPERLINK("x")', last_name='Q"uote,d')
    before = list(Customer.objects.values())

    rows = taken_out(manager, f"{CUSTOMERS}export/")

    assert rows == [
        {
            "email": "ada@example.com",
            "first_name": '\'=HYPERLINK("x")',
            "last_name": 'Q"uote,d',
            "phone": "'+44 20 7946",
            "tax_id": "",
            "tax_exempt": "no",
            "tax_exempt_reason": "",
        }
    ]
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, rows[0])
    writer.writeheader()
    writer.writerows(rows)
    answer = bring_in(manager, CUSTOMERS, text.getvalue())
    assert "0 new, 0 updated, 1 unchanged" in sentences(answer)
    assert list(Customer.objects.values()) == before


def test_customers_are_found_whatever_the_case_of_their_email(manager: Client) -> None:
    make_customer(stripe_customer_id="cus_1", phone="1")

    bring_in(manager, CUSTOMERS, "email,last_name\nADA@example.com,King\nnew@example.com,New\n")

    found = Customer.objects.order_by("pk").values_list("last_name", "phone", "stripe_customer_id")
    assert list(found) == [("King", "1", "cus_1"), ("New", "", None)]


def test_nothing_is_written_before_it_is_confirmed(manager: Client) -> None:
    page = preview(manager, CUSTOMERS, "email,first_name\nnew@example.com,<script>alert(1)</script>\n")

    assert not Customer.objects.exists()
    assert "<script>alert(1)" not in page.content.decode()


@pytest.mark.parametrize(
    ("address", "text", "said"),
    [
        (CUSTOMERS, "email\nnot-an-email\n", "Row 2 email not-an-email Enter a valid email address."),
        (CUSTOMERS, "first_name\nAda\n", "The file has no column “email”"),
        (CUSTOMERS, "email,colour\na@example.com,red\n", "The column “colour” is not known"),
        (SKUS, "code,product,name,currency,price\nX,Mug,x,USD,1.005\n", "at most 2 decimals"),
        (SKUS, "code,product,name,currency,price\nX,Mug,x,,1\n", "Name the currency beside the price"),
        (SKUS, "code,product,name,currency,price\nX,Hat,x,USD,1\n", "No product is called “Hat”"),
        (SKUS, "code,currency,price\nMUG-RED,EUR,1\n", "MUG-RED was ordered in USD"),
        (SKUS, "code,inventory_type\nMUG-RED,some\n", "is not a valid choice"),
        (PRODUCTS, "id,name\n999999,x\n", "There is no product 999999"),
    ],
)
def test_a_file_with_a_mistake_says_where_and_changes_nothing(
    manager: Client, address: str, text: str, said: str
) -> None:
    an_order(make_customer(), make_sku())
    before = [list(model.objects.values()) for model in (Customer, Product, Sku)]

    page = sentences(preview(manager, address, text))

    assert said in page
    assert "Confirm import" not in page
    assert [list(model.objects.values()) for model in (Customer, Product, Sku)] == before


def test_skus_with_prices_in_their_units(manager: Client) -> None:
    sku = make_sku(stock=4)

    bring_in(
        manager,
        SKUS,
        "code,product,name,currency,price,inventory_type,inventory_quantity,weight,active,low_stock_at,bin\n"
        'MUG-RED,Mug,dark red,USD,"1,015.50",finite,9,350,1,3,A-03-2\nMUG-JP,Mug,kyoto,jpy,4500,infinite,0,0,0,,\n',
    )

    found = {each.code: each for each in Sku.objects.all()}
    assert (found["MUG-RED"].price, found["MUG-RED"].name, found["MUG-RED"].inventory_quantity) == (
        101550,
        "dark red",
        9,
    )
    assert (found["MUG-JP"].price, found["MUG-JP"].currency, found["MUG-JP"].active) == (4500, "jpy", False)
    assert {each.product for each in found.values()} == {sku.product}
    rows = taken_out(manager, f"{SKUS}export/")
    columns = ("code", "currency", "price", "weight", "low_stock_at", "bin")
    assert [tuple(row[column] for column in columns) for row in rows] == [
        ("MUG-RED", "USD", "1015.50", "350", "3", "A-03-2"),
        ("MUG-JP", "JPY", "4500", "0", "", ""),
    ]


def confirm(browser: Client, address: str, shown: Any) -> Any:
    assert "Confirm import" in sentences(shown), sentences(shown)
    return browser.post(f"{address}process_import/", filled_in(shown), follow=True)


def test_a_column_left_out_stays_as_it_is_even_if_it_changes_meanwhile(manager: Client) -> None:
    make_sku(stock=4)
    shown = preview(manager, SKUS, "code,name\nMUG-RED,blue\n")
    Sku.objects.update(inventory_quantity=F("inventory_quantity") - 1)

    confirm(manager, SKUS, shown)

    assert Sku.objects.values_list("name", "inventory_quantity").get() == ("blue", 3)


@pytest.mark.parametrize(("counted", "left"), [(15, 12), (10, 10 - 3), (4, 1), (0, 0)])
def test_what_was_sold_since_the_preview_does_not_come_back(manager: Client, counted: int, left: int) -> None:
    make_sku(stock=10)
    shown = preview(manager, SKUS, f"code,name,inventory_quantity\nMUG-RED,blue,{counted}\n")
    Sku.objects.update(inventory_quantity=7)

    confirm(manager, SKUS, shown)

    assert Sku.objects.get().inventory_quantity == left


def test_a_field_that_somebody_changed_since_the_preview_is_not_written_over(manager: Client) -> None:
    make_sku()
    shown = preview(manager, SKUS, "code,name\nMUG-RED,blue\n")
    Sku.objects.update(name="green")

    answer = confirm(manager, SKUS, shown)

    assert "name was “red” in the preview and is “green” by now" in sentences(answer)
    assert Sku.objects.get().name == "green"


def test_products_by_id(manager: Client) -> None:
    mug = make_sku().product

    bring_in(manager, PRODUCTS, f"id,name,shippable,active\n{mug.pk},Cup,1,0\n,Hat,0,1\n")

    found = Product.objects.order_by("pk").values_list("name", "shippable", "active")
    assert list(found) == [("Cup", True, False), ("Hat", False, True)]


def test_a_file_that_nobody_confirms_goes_after_a_day(manager: Client, tmp_path: Path) -> None:
    remove_old_exports()  # before anything was ever uploaded
    shown = filled_in(preview(manager, CUSTOMERS, "email\nada@example.com\n"))
    old = next((tmp_path / "imports").iterdir())
    preview(manager, CUSTOMERS, "email\ngrace@example.com\n")
    new = next(file for file in (tmp_path / "imports").iterdir() if file != old)
    os.utime(old, (time() - 86_401, time() - 86_401))

    remove_old_exports()

    assert list((tmp_path / "imports").iterdir()) == [new]
    answer = manager.post(f"{CUSTOMERS}process_import/", shown, follow=True)
    assert "is gone: upload it again." in sentences(answer)


def test_a_file_is_imported_once(manager: Client) -> None:
    form = filled_in(preview(manager, CUSTOMERS, "email\nnew@example.com\n"))

    manager.post(f"{CUSTOMERS}process_import/", form)
    answer = manager.post(f"{CUSTOMERS}process_import/", form, follow=True)

    assert "imported already, or is gone: upload it again." in sentences(answer)
    assert Customer.objects.count() == 1


def test_rows_that_changed_since_the_preview_are_refused_whole(manager: Client) -> None:
    text = "code,currency,price,name\nMUG-BLUE,EUR,2,new name\nMUG-RED,EUR,1,new name\n"
    red, _blue = make_sku("MUG-RED"), make_sku("MUG-BLUE")
    form = filled_in(preview(manager, SKUS, text))
    an_order(make_customer(), red)

    answer = manager.post(f"{SKUS}process_import/", form, follow=True)

    assert "Nothing was imported: rows changed since the preview." in sentences(answer)
    assert set(Sku.objects.values_list("name", "currency")) == {("red", "usd")}


def test_an_export_is_of_the_list_as_it_is_filtered(manager: Client) -> None:
    make_sku("A", stock=0)
    make_sku("B")

    assert [row["code"] for row in taken_out(manager, f"{SKUS}export/?inventory_type__exact=finite")] == ["A"]
    assert [row["code"] for row in taken_out(manager, f"{SKUS}export/?q=B")] == ["B"]


MAY_IMPORT = {CUSTOMERS: {"admin", "Support", "Manager"}, PRODUCTS: {"admin", "Manager"}, SKUS: {"admin", "Manager"}}


@pytest.mark.parametrize("role", ["admin", "Viewer", "Support", "Fulfillment", "Finance", "Manager", "nobody"])
def test_each_role_takes_out_and_brings_in_exactly_what_it_may(as_role: AsRole, role: str) -> None:
    browser = as_role(role)
    exports = role in {"admin", "Fulfillment", "Finance", "Manager"}

    for address, importers in MAY_IMPORT.items():
        assert browser.get(f"{address}export/").status_code == (200 if exports else 403)
        for path in ("import/", "process_import/"):
            answer = browser.post(address + path, {})
            assert answer.status_code == (200 if role in importers else 403)
        if role != "nobody":
            page = browser.get(address).content.decode()
            assert (f"{address}import/" in page) is (role in importers)
            assert (f"{address}export/" in page) is exports
