"""Cells of files that are imported: each is understood or refused in words."""

import csv
import datetime as dt
import io
from collections.abc import Callable
from typing import Any

import openpyxl
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db.models import Model
from django.test import Client

from backoffice.models import Activity
from billing import wakeups
from customers.models import Customer
from ecommerce import imports
from ecommerce.models import FileImport, Product, Sku
from ecommerce.tasks import work_import
from tests.support.factories import ANA, make_customer, make_sku
from tests.support.forms import filled_in, sentences

CUSTOMERS, PRODUCTS, SKUS = "/admin/customers/customer/", "/admin/ecommerce/product/", "/admin/ecommerce/sku/"
TABLES: tuple[type[Model], ...] = (Customer, Product, Sku)


@pytest.fixture(autouse=True)
def files(settings: Any, tmp_path: Any) -> None:
    location = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": tmp_path}}
    settings.STORAGES = settings.STORAGES | {"import_export": location}


@pytest.fixture
def manager(as_role: Callable[[str], Client]) -> Client:
    return as_role("Manager")


def upload(browser: Client, address: str, data: str | bytes) -> Any:
    file = SimpleUploadedFile("rows.csv", data if isinstance(data, bytes) else data.encode())
    return browser.post(f"{address}import/", {"import_file": file})


def confirm(browser: Client, address: str, page: Any) -> str:
    assert "Confirm import" in sentences(page), sentences(page)
    return sentences(browser.post(f"{address}process_import/", filled_in(page), follow=True))


def everything() -> list[Any]:
    return [list(model._default_manager.order_by("pk").values()) for model in TABLES]


def refused(browser: Client, address: str, data: str | bytes) -> str:
    before = everything()
    page = sentences(upload(browser, address, data))
    assert "Nothing was imported." in page
    assert "Confirm import" not in page
    assert everything() == before
    return page


def problems(browser: Client, address: str) -> list[dict[str, str]]:
    found = FileImport.objects.latest("pk")
    answer: Any = browser.get(f"{address}import/{found.pk}/problems.csv")
    return list(csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode(), newline="")))


def workbook(*rows: list[Any], **formats: str) -> bytes:
    book = openpyxl.Workbook()
    sheet: Any = book.active
    for row in rows:
        sheet.append(row)
    for cell, form in formats.items():
        sheet[cell].number_format = form
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


@pytest.mark.parametrize("word", ["true", "True", "TRUE", "1", "yes", "YES", " Yes "])
def test_yes(manager: Client, word: str) -> None:
    make_sku()
    Sku.objects.update(active=False)
    confirm(manager, SKUS, upload(manager, SKUS, f"code,active\nMUG-RED,{word}\n"))
    assert Sku.objects.get().active


@pytest.mark.parametrize("word", ["false", "FALSE", "0", "no", "No"])
def test_no(manager: Client, word: str) -> None:
    make_sku()
    confirm(manager, SKUS, upload(manager, SKUS, f"code,active\nMUG-RED,{word}\n"))
    assert not Sku.objects.get().active


@pytest.mark.parametrize("word", ["ja", "x", "WAHR", "on", "off", "y", "2", "-1", "01", "１", "", " ", "null"])
@pytest.mark.parametrize("column", ["active", "shippable"])
def test_another_word_is_neither_yes_nor_no(manager: Client, word: str, column: str) -> None:
    product = make_sku().product
    said = refused(manager, PRODUCTS, f"id,{column}\n{product.pk},{word}\n")
    assert "write yes, true or 1, or else no, false or 0" in said or "The cell is empty" in said


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("10.7", "not a whole number"), ("10.0", "not a whole number"), ("1e3", "not a whole number"),
        ("-5", "not a whole number"), ("", "The cell is empty"), ("１０", "not a whole number"),
        ("1 000", "not a whole number"), ("+5", "not a whole number"), ("٣", "not a whole number"),
        ("1.000", "can be read as 1000 or as 1.000"), ('"1,000"', "can be read as 1000 or as 1.000"),
        ("2147483648", "is above 2,147,483,647"), ("9" * 5000, "is above"), ("ten", "not a whole number"),
    ],
)  # fmt: skip
def test_a_stock_that_is_no_whole_number(manager: Client, cell: str, said: str) -> None:
    make_sku(stock=4)
    assert said in refused(manager, SKUS, f"code,inventory_quantity\nMUG-RED,{cell}\n")


@pytest.mark.parametrize(
    ("code", "cell", "price"),
    [
        ("USD", "45", 4500), ("USD", "45.5", 4550), ("USD", "24.50", 2450), ("USD", '"24,50"', 2450),
        ("USD", '"1,284.50"', 128450), ("USD", '"1.284,50"', 128450), ("USD", '"1,284,500"', 128450000),
        ("USD", "1 284.50", 128450), ("USD", "1'284.50", 128450), ("JPY", "4500", 4500), ("KWD", "4.500", 4500),
        ("KWD", '"6,50"', 6500), ("KWD", "6.5", 6500), ("KWD", '"1.284,500"', 1284500),
    ],
)  # fmt: skip
def test_amounts_that_have_one_reading(manager: Client, code: str, cell: str, price: int) -> None:
    make_sku()
    if price > 99_999_999:
        assert "can't be above" in refused(manager, SKUS, f"code,currency,price\nMUG-RED,{code},{cell}\n")
        return
    confirm(manager, SKUS, upload(manager, SKUS, f"code,currency,price\nMUG-RED,{code},{cell}\n"))
    assert Sku.objects.get().price == price


@pytest.mark.parametrize(
    ("code", "cell", "said"),
    [
        ("KWD", '"6,500"', "can be read as 6.500 or as 6500.000"), ("USD", '"6,500"', "read as 6.500 or as 6500.00"),
        ("USD", "1.005", "read as 1.005 or as 1005.00"), ("JPY", "4.500", "read as 4.500 or as 4500"),
        ("USD", "0.005", "at most 2 decimals"), ("USD", "1.0050", "at most 2 decimals"), ("USD", "", "Write an amount"),
        ("JPY", "45.5", "has no decimals"), ("USD", "-5", "below zero"), ("USD", "1e3", "is not an amount"),
        ("USD", "45 USD", "is not an amount"), ("USD", "$45", "is not an amount"), ("USD", "４５", "is not an amount"),
        ("USD", '"12,34,567.00"', "is not an amount"), ("USD", '"1,2.3,4"', "is not an amount"),
        ("ZZZ", "45", "Name the currency"), ("KWD", "4.5005", "at most 3 decimals"),
    ],
)  # fmt: skip
def test_amounts_that_are_refused(manager: Client, code: str, cell: str, said: str) -> None:
    make_sku()
    assert said in refused(manager, SKUS, f"code,currency,price\nMUG-RED,{code},{cell}\n")


def test_a_point_in_a_file_with_decimal_commas_may_be_thousands(manager: Client) -> None:
    make_sku(currency="kwd", price=4500)
    assert "read as 6.500 or as 6500.000" in refused(manager, SKUS, "code;currency;price\nMUG-RED;KWD;6.500\n")


@pytest.mark.parametrize("code", ["mug-red", "Mug-Red", " MUG-RED ", "ＭＵＧ－ＲＥＤ"])
def test_a_code_is_found_in_any_case_and_width(manager: Client, code: str) -> None:
    make_sku()
    confirm(manager, SKUS, upload(manager, SKUS, f"code,name\n{code},blue\n"))
    assert list(Sku.objects.values_list("code", "name")) == [("MUG-RED", "blue")]


@pytest.mark.parametrize("code", ["4.00638E+12", '"4,00638E+12"', "4E+12", "1.2e+05"])
def test_a_code_that_a_spreadsheet_ruined_is_refused(manager: Client, code: str) -> None:
    make_sku()
    said = refused(manager, SKUS, f"code,product,name,currency,price\n{code},Mug,x,USD,1\n")
    assert "format the column as text" in said


def test_a_phone_that_a_spreadsheet_ruined_is_refused(manager: Client) -> None:
    assert "format the column as text" in refused(manager, CUSTOMERS, "email,phone\na@example.com,4.42079E+11\n")


def test_what_is_twice_in_a_file_is_refused_with_both_rows(manager: Client) -> None:
    make_sku()
    assert "Rows 2, 4 are the same SKU" in refused(manager, SKUS, "code,name\nMUG-RED,a\nX,b\nmug-red,c\n")
    assert "Rows 2, 3 are the same customer" in refused(manager, CUSTOMERS, "email\nA@example.com\na@example.com\n")
    assert "Rows 2, 3 are the same product" in refused(manager, PRODUCTS, "name\nHat\n hat\n")


def test_products_are_not_doubled(manager: Client) -> None:
    text = "name,description\nHat,warm\nScarf,long\n"
    confirm(manager, PRODUCTS, upload(manager, PRODUCTS, text))
    assert "0 new, 0 updated, 2 unchanged" in confirm(manager, PRODUCTS, upload(manager, PRODUCTS, text))
    assert Product.objects.count() == 2
    number = Product.objects.get(name="Hat").pk
    assert f"as product {number}; write its id" in refused(manager, PRODUCTS, "id,name\n,hat\n")


@pytest.mark.parametrize("row", ["MUG-RED", "MUG-RED,x"])
def test_a_short_row_is_refused(manager: Client, row: str) -> None:
    make_sku()
    said = refused(manager, SKUS, f"code,name,image\n{row}\n")
    assert "none may be left out" in said


def test_all_problems_at_once_by_row_and_column_to_take_away(manager: Client) -> None:
    make_sku()
    refused(manager, SKUS, "code,active,inventory_quantity,currency,price\nMUG-RED,ja,1.000,KWD,=1\nX,yes\n")

    found = problems(manager, SKUS)

    assert [(each["row"], each["column"], each["cell"]) for each in found] == [
        ("2", "active", "ja"), ("2", "inventory_quantity", "1.000"), ("2", "price", "'=1"), ("3", "", ""),
    ]  # fmt: skip
    assert "can be read as 1000 or as 1.000" in found[1]["problem"]


def test_the_preview_shows_old_and_new_apart_in_the_currency_s_unit(manager: Client) -> None:
    make_sku(price=1500, stock=4)
    text = "code,currency,price,active,inventory_quantity\nMUG-RED,USD,24.50,no,9\n"
    page = sentences(upload(manager, SKUS, text))
    assert "USD 15.00 → USD 24.50" in page
    assert "yes → no" in page
    assert "4 → 9" in page
    assert "In stock" in page
    assert "Inventory_quantity" not in page


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("before", ["", "sep=;\r\n"])
def test_each_dialect_of_csv(manager: Client, encoding: str, delimiter: str, before: str) -> None:
    make_sku()
    text = before.replace(";", delimiter) + "\r\n Code ;NAME;;\r\nMUG-RED;Größe é;;\r\n;;;\r\n\r\n".replace(
        ";", delimiter
    )
    confirm(manager, SKUS, upload(manager, SKUS, text.encode(encoding)))
    assert Sku.objects.get().name == "Größe é"


def test_a_workbook_with_typed_cells(manager: Client) -> None:
    make_sku(stock=1)
    data = workbook(
        ["Code", "In stock", "Currency", "Price", "On sale", None],
        [], ["mug-red", 12.0, "usd", 45.3, False, None], [None, None],
    )  # fmt: skip
    confirm(manager, SKUS, upload(manager, SKUS, data))
    sku = Sku.objects.get()
    assert (sku.code, sku.inventory_quantity, sku.price, sku.active) == ("MUG-RED", 12, 4530, False)


@pytest.mark.parametrize(
    ("column", "cell", "said"),
    [
        ("inventory_quantity", 10.7, "not a whole number"), ("inventory_quantity", True, "not a whole number"),
        ("name", "=A1", "is a formula"), ("name", dt.date(2026, 3, 1), "made a date"),
        ("name", True, "made TRUE"), ("name", 1.1, "format it as text"), ("name", 4006381333931000000, "format it"),
        ("active", "ja", "neither yes nor no"), ("active", 2, "neither yes nor no"), ("active", "=A1", "neither"),
    ],
)  # fmt: skip
def test_typed_cells_that_are_refused(manager: Client, column: str, cell: Any, said: str) -> None:
    make_sku(stock=4)
    assert said in refused(manager, SKUS, workbook(["code", column], ["MUG-RED", cell]))


def test_a_number_shown_with_zeros_is_refused_with_both_readings(manager: Client) -> None:
    data = workbook(["code", "name"], [1000, "x"], A2="00000")
    assert "shows 01000 and holds the number 1000" in refused(manager, SKUS, data)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "empty"), (b"code,name\n", "no rows"), (b'code,name\n"A,b\n', "quotation mark"),
        (b"PK\x03\x04nothing", "can't be read"), (b"code,code\nA,B\n", "is there twice"),
        (b"code,\nA,B\n", "no name in the header"), (b"code,name\nA,B,C\n", "no name in the header"),
        (b"code,name\nA,\x81\n", "no text that can be read"),
    ],
)  # fmt: skip
def test_files_that_are_refused_whole(manager: Client, data: bytes, said: str) -> None:
    if not data:
        assert "empty" in sentences(upload(manager, SKUS, data))
        return
    assert said in refused(manager, SKUS, data)


ODD = ['=HYPERLINK("x")', "+44 20", "'=1", "a;=1", "a, -1", "two\r\nlines", " end", "01000", "é東京", "_x000D_"]


@pytest.mark.parametrize("form", ["csv", "excel", "xlsx"])
def test_what_an_export_writes_comes_in_again_unchanged(manager: Client, form: str) -> None:
    for number, text in enumerate(map(str.strip, ODD)):
        product = Product.objects.create(name=f"{text} {number}", description=text, shippable=bool(number % 2))
        code = ("usd", "jpy", "kwd")[number % 3]
        Sku.objects.create(product=product, code=f"{text}", name=text, price=6500, currency=code, active=False)
        make_customer(email=f"a{number}@example.com", first_name=text, last_name="01000", phone=text)
    Sku.objects.filter(code="01000").update(inventory_type="finite", inventory_quantity=1000)
    before = everything()

    for address in (CUSTOMERS, PRODUCTS, SKUS):
        answer: Any = manager.get(f"{address}export/?format={form}")
        data = b"".join(answer.streaming_content)
        page = upload(manager, address, data)
        assert f"0 new, 0 updated, {len(ODD)} unchanged" in confirm(manager, address, page)

    assert everything() == before


def test_a_large_file_runs_in_the_background_and_leaves_out_what_changed(manager: Client) -> None:
    make_sku(stock=10)
    rows = "".join(f"SKU-{number},Mug,name,USD,1.50,{number}\n" for number in range(1200))
    text = f"code,product,name,currency,price,inventory_quantity\n{rows}mug-red,Mug,blue,USD,15,4\n"

    page = upload(manager, SKUS, text)

    found = FileImport.objects.get()
    assert (page.status_code, found.status) == (302, "checking")
    assert "being checked" in sentences(manager.get(page["Location"]))
    work_import(import_id=found.pk)
    shown = manager.get(page["Location"])
    assert "1,200 new, 1 updated, 0 unchanged" in sentences(shown)
    Sku.objects.update(name="green")
    answer = manager.post(f"{SKUS}process_import/", filled_in(shown))
    assert answer["Location"] == page["Location"]
    for _time in range(2):
        work_import(import_id=found.pk)

    found.refresh_from_db()
    assert (found.status, found.applied, Sku.objects.count()) == ("done", 1201, 1201)
    assert Sku.objects.get(code="MUG-RED").name == "green"
    assert "name was “red” in the preview" in problems(manager, SKUS)[0]["problem"]


def test_a_large_import_ends_with_the_right_of_the_one_who_began_it(manager: Client, settings: Any) -> None:
    rows = "".join(f"a{number}@example.com\n" for number in range(1200))
    page = upload(manager, CUSTOMERS, f"email\n{rows}")
    found = FileImport.objects.get()
    work_import(import_id=found.pk)
    manager.post(f"{CUSTOMERS}process_import/", filled_in(manager.get(page["Location"])))
    FileImport.objects.update(by_user=None)
    work_import(import_id=found.pk)
    found.refresh_from_db()
    assert (found.status, Customer.objects.count()) == ("failed", 0)


def test_workers_that_end_are_not_tried_for_ever(manager: Client) -> None:
    upload(manager, CUSTOMERS, "email\n" + "a@example.com\n" * 1200)
    FileImport.objects.update(attempts=imports.MAX_ATTEMPTS)
    work_import(import_id=FileImport.objects.get().pk)
    assert FileImport.objects.get().status == "failed"


def large(browser: Client) -> tuple[str, FileImport]:
    """Upload a large file of customers; return the page of its import."""
    page = upload(browser, CUSTOMERS, "email\n" + "".join(f"a{number}@example.com\n" for number in range(1200)))
    return page["Location"], FileImport.objects.get()


def test_stop_ends_a_large_import_after_the_batch_that_is_written(manager: Client) -> None:
    page, found = large(manager)
    work_import(import_id=found.pk)
    manager.post(f"{CUSTOMERS}process_import/", filled_in(manager.get(page)))
    assert "Stop" in sentences(manager.get(page))
    found.refresh_from_db()
    plan = imports.plan_of(found)
    assert imports._run_batch(found, plan)
    assert manager.post(f"{page}stop/")["Location"] == page
    work_import(import_id=found.pk)
    found.refresh_from_db()
    assert (found.status, found.applied, Customer.objects.count()) == ("stopped", 500, 500)
    shown = sentences(manager.get(page))
    assert "500 of 1200 changes were worked through." in shown
    assert f"Stopped by {found.by_label}. What was written stays" in shown
    assert not imports.stop(import_id=found.pk, by=ANA)
    stopped = Activity.objects.get(act="stopped")
    assert (stopped.kind, stopped.object_id, stopped.by_label) == ("import", found.pk, found.by_label)


def test_stop_ends_the_check_of_a_large_file(manager: Client) -> None:
    page, found = large(manager)
    manager.post(f"{page}stop/")
    work_import(import_id=found.pk)
    found.refresh_from_db()
    assert (found.status, found.changes) == ("stopped", 0)
    assert "is over already" in sentences(manager.post(f"{page}stop/", follow=True))
    assert manager.get(f"{page}stop/").status_code == 405


def test_the_list_says_how_far_a_large_import_is(manager: Client) -> None:
    page, found = large(manager)
    listed = manager.get(CUSTOMERS).content.decode()
    assert f'data-import="{found.pk}"' in listed
    assert page in listed
    assert "hx-get" in listed
    FileImport.objects.update(by_user=None)
    assert "data-import" not in manager.get(CUSTOMERS).content.decode()
    upload(manager, CUSTOMERS, "email\nada@example.com\n")
    assert "data-import" not in manager.get(CUSTOMERS).content.decode()
    for address in (PRODUCTS, SKUS):
        assert "list-tabs" in manager.get(address).content.decode()


def test_an_import_is_not_enqueued_again_while_its_message_waits(manager: Client) -> None:
    _page, found = large(manager)
    assert FileImport.objects.get().enqueued_at is not None
    assert wakeups.take_to_enqueue(imports.waiting(), queue="celery", limit=9) == []
    FileImport.objects.update(enqueued_at=None)
    assert wakeups.take_to_enqueue(imports.waiting(), queue="celery", limit=9) == [found.pk]
    work_import(import_id=found.pk)
    assert FileImport.objects.get().enqueued_at is None
