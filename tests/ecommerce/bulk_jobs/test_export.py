import csv
import errno
import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from django.conf import settings
from django.db.models import F
from django.test import Client, override_settings
from django.utils import timezone

from backoffice.file_storage import storage
from backoffice.spreadsheets import escape_formula
from ecommerce.bulk_jobs import control, export
from ecommerce.bulk_jobs.run import run_job
from ecommerce.exports import orders as export_orders
from ecommerce.exports.order_resource import OrderResource
from ecommerce.models import BulkJob, Order
from ecommerce.orders.assign import assign
from ecommerce.orders.fulfill import fulfill
from ecommerce.orders.hold import hold
from ecommerce.orders.tags import tag
from ecommerce.pricing.order import Line, Shipping
from ecommerce.pricing.taxes import Tax
from ecommerce.retention.tasks import remove_old_exports
from tests.support.bulk_jobs import a_clerk, a_job, run
from tests.support.factories import ANA, make_coupon, make_customer, make_sku, make_user, place_order
from tests.support.rows import a_paid_order, a_refund, an_order
from tests.support.taxed import a_taxed_order

pytestmark = pytest.mark.django_db(transaction=True)

HEADER = (
    "number,status,customer_email,customer_name,items,quantity,currency,subtotal,discount,shipping,tax,total,refunded,"
    "coupon,placed_via,created_at,paid_at,fulfilled_at,canceled_at,returned_at,invoice_number,"
    "stripe_payment_intent_id,ship_name,ship_line1,ship_line2,ship_city,ship_state,ship_postal_code,ship_country"
)
ADDED = ",fulfillment_state,tags,on_hold,hold_reason,assignee"  # since then, and always after it


@pytest.fixture(autouse=True)
def folder(tmp_path: Path) -> Iterator[Path]:
    """Keep the files of a test apart."""
    backend = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": tmp_path}}
    with override_settings(STORAGES={**settings.STORAGES, "exports": backend}):
        yield tmp_path


def text_of(job: BulkJob) -> str:
    with storage().open(job.file) as file:
        return bytes(file.read()).decode()


def rows_of(job: BulkJob) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text_of(job), newline="")))


def test_the_file_has_the_columns_of_the_contract_one_row_an_order(folder: Path) -> None:
    customer, mug, tee = make_customer(), make_sku("MUG-RED"), make_sku("TEE-M")
    first = a_paid_order(customer, mug, at=datetime(2026, 11, 2, 12, 30, tzinfo=UTC))
    second = an_order(customer, tee, quantity=1)
    a_refund(first, 1000)
    job = run("export", [second, first], a_clerk())

    assert job.status == "succeeded"
    text = text_of(job)
    assert text.split("\r\n")[0] == HEADER + ADDED
    assert text.count("\r\n") == 3
    assert "\n" not in text.replace("\r\n", "")
    one, two = rows_of(job)
    assert one == dict.fromkeys((HEADER + ADDED).split(","), "") | {
        "on_hold": "false",
        "number": first.number,
        "status": "paid",
        "customer_email": "ada@example.com",
        "customer_name": "Ada Lovelace",
        "items": "2 x MUG-RED",
        "quantity": "2",
        "currency": "USD",
        "subtotal": "30.00",
        "discount": "0.00",
        "shipping": "0.00",
        "tax": "0.00",
        "total": "30.00",
        "refunded": "10.00",
        "placed_via": "staff",
        "created_at": "2026-11-02T12:30:00+00:00",
        "paid_at": "2026-11-02T12:30:00+00:00",
        "invoice_number": f"INV-{first.pk:06d}",
        "stripe_payment_intent_id": f"pi_{first.number}",
    }
    assert (two["number"], two["paid_at"], two["invoice_number"]) == (second.number, "", "")
    assert datetime.fromisoformat(two["created_at"]) == second.created_at
    assert [each.name for each in (folder / "orders").iterdir()] == [Path(job.file).name]


@pytest.mark.parametrize(
    ("currency", "price", "written"), [("usd", 4500, "45.00"), ("jpy", 4500, "4500"), ("kwd", 4500, "4.500")]
)
def test_amounts_are_decimals_of_their_currency(currency: str, price: int, written: str) -> None:
    order = a_paid_order(make_customer(), make_sku(price=price, currency=currency), quantity=1)
    (row,) = rows_of(run("export", [order], a_clerk()))
    assert (row["currency"], row["total"], row["subtotal"]) == (currency.upper(), written, written)
    assert row["discount"] == written.replace("4", "0").replace("5", "0").replace("0000", "0").replace("00.00", "0.00")


@pytest.mark.parametrize(
    "typed",
    ["=1+1", "==1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "  =1", "＝1", '=HYPERLINK("http://x","y")', "=1,2\n3"],
)
def test_what_a_spreadsheet_would_run_is_neutralised(typed: str) -> None:
    customer = make_customer(first_name=typed, last_name="")
    address = dict.fromkeys(("name", "line1", "line2", "city", "state", "postal_code", "country"), typed)
    order = a_paid_order(customer, make_sku(), shipping_address=address)
    (row,) = rows_of(run("export", [order], a_clerk()))

    for name in ("ship_name", "ship_line1", "ship_city", "ship_country"):
        assert row[name] == escape_formula(typed)
        assert row[name].startswith("'")
    assert row["customer_name"] == escape_formula(typed.strip(" "))
    assert row["total"] == "30.00"


def test_shipping_tax_and_both_discounts_are_in_their_columns_and_custom_lines_among_the_items() -> None:
    tax = (Tax(name="Tax", percent=Decimal(10)),)
    lines = [Line(unit_price=10000, quantity=1, discount=1000, taxes=tax), Line(unit_price=500, quantity=2, taxes=tax)]
    order = a_taxed_order(
        make_customer(),
        lines,
        names=[("Lamp", "LAMP"), ('=HYPERLINK("http://x") ;=1+1', "")],
        coupon=make_coupon(),
        shipping=Shipping(price=490, taxes=tax),
        currency="usd",
        at=timezone.now(),
    )
    (row,) = rows_of(run("export", [order], a_clerk()))
    # 100.00 - 10.00 + 10.00, 10 % off: 90.00; 10 % of 90.00 + 4.90 is 9.49.
    assert {name: row[name] for name in ("subtotal", "discount", "shipping", "tax", "total", "quantity")} == {
        "subtotal": "110.00",
        "discount": "20.00",
        "shipping": "4.90",
        "tax": "9.49",
        "total": "104.39",
        "quantity": "3",
    }
    # Where a semicolon begins a cell, what stands after it is no formula.
    assert row["items"] == """1 x LAMP; 2 x =HYPERLINK("http://x") ;'=1+1"""
    assert not row["items"].startswith("=")


def test_texts_come_through_as_they_are() -> None:
    odd = 'O\'Brien "Bo", 東京\nsecond line \\N ; =x'
    customer = make_customer(first_name=odd, last_name="")
    make_coupon("SAVE10")
    order = place_order(customer=customer, sku=make_sku(), coupon_code="save10")
    fulfill(order_id=order.pk, by=ANA, at=timezone.now())
    (row,) = rows_of(run("export", [order], a_clerk()))

    assert row["customer_name"] == odd.replace("; =x", ";' =x")  # a cell of its own where semicolons separate
    assert (row["coupon"], row["discount"], row["total"]) == ("SAVE10", "1.50", "13.50")
    order = Order.objects.get()
    assert order.fulfilled_at
    assert datetime.fromisoformat(row["fulfilled_at"]) == order.fulfilled_at
    assert row["stripe_payment_intent_id"].startswith("pi_")


def test_the_resource_gives_the_same_rows_in_memory() -> None:
    orders = [a_paid_order(make_customer(), make_sku())]
    (row,) = rows_of(run("export", orders, a_clerk()))
    (same,) = OrderResource().export(Order.objects.all()).dict
    assert {name: "" if value is None else str(value) for name, value in same.items()} == row


def test_all_slices_are_written_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ecommerce.bulk_jobs.selection.SLICE", 2)
    monkeypatch.setattr(export_orders, "SLICES_PER_COPY", 2)
    customer, sku = make_customer(), make_sku()
    orders = [an_order(customer, sku) for _each in range(11)]
    job = run("export", Order.objects.order_by("-pk"), a_clerk())
    assert [row["number"] for row in rows_of(job)] == [order.number for order in orders]
    assert job.file_rows == 11


def test_a_full_disk_fails_the_job_in_words_and_a_retry_goes_well(
    monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    orders, ben = [an_order(make_customer(), make_sku())], a_clerk()
    real = export_orders.order_rows

    def full(job: BulkJob, tell: Any) -> Iterator[bytes]:
        yield b"number"
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(export_orders, "order_rows", full)
        job = run("export", orders, ben)
    assert job.status == "failed"
    assert job.message == "The file could not be written: No space left on device. Once that is mended, retry."
    assert list((folder / "orders").iterdir()) == []
    assert export_orders.order_rows is real

    again = control.retry(job_id=job.pk, by=ben, at=timezone.now())
    run_job(job_id=again.pk, seconds=10)
    again.refresh_from_db()
    assert (again.status, len(rows_of(again))) == ("succeeded", 1)


def test_a_worker_that_died_is_followed_by_one_that_begins_anew(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    job = a_job("export", [an_order(make_customer(), make_sku())], a_clerk())

    def dies(_job: BulkJob, _tell: Any) -> Iterator[bytes]:
        yield b"half"
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(export_orders, "order_rows", dies)
        with pytest.raises(KeyboardInterrupt):
            run_job(job_id=job.pk, seconds=10)
    assert len(list((folder / "orders").iterdir())) == 1
    run_job(job_id=job.pk, seconds=10)
    job.refresh_from_db()
    assert (job.status, job.file) == ("running", "")  # it may be alive still

    BulkJob.objects.update(beat_at=timezone.now() - export.WORKER_TIMEOUT)
    run_job(job_id=job.pk, seconds=10)
    job.refresh_from_db()
    assert job.status == "succeeded"
    assert [each.name for each in (folder / "orders").iterdir()] == [Path(job.file).name]
    assert len(rows_of(job)) == 1


def test_a_worker_that_was_taken_over_publishes_nothing(folder: Path) -> None:
    job = a_job("export", [an_order(make_customer(), make_sku())], a_clerk())
    slow = export._claim(job.pk)
    BulkJob.objects.update(beat_at=F("beat_at") - export.WORKER_TIMEOUT)
    quick = export._claim(job.pk)
    assert slow is not None
    assert quick is not None
    with pytest.raises(export.ExportStopped):
        export.ExportWriter(slow).write()
    export.ExportWriter(quick).write()
    export.ExportWriter(slow).discard()
    job.refresh_from_db()
    assert (job.status, job.file) == ("succeeded", quick.selection["writing"])
    assert len(rows_of(job)) == 1


@pytest.mark.parametrize("why", ["stop", "rights"])
def test_a_stopped_export_leaves_no_file(why: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ben = a_clerk()
    job = a_job("export", [an_order(make_customer(), make_sku())], ben)
    real = export_orders.order_rows

    def meanwhile(job: BulkJob, tell: Any) -> Iterator[bytes]:
        if why == "stop":
            control.stop(job_id=job.pk, by=ben)
        else:
            ben.user_permissions.clear()
        yield from real(job, tell)

    with monkeypatch.context() as patch:
        patch.setattr(export_orders, "order_rows", meanwhile)
        run_job(job_id=job.pk, seconds=10)
    job.refresh_from_db()
    assert (job.status, job.file) == ("stopped", "")
    assert job.message
    assert list((folder / "orders").iterdir()) == []


def test_files_are_kept_for_a_week_and_downloaded_as_often_as_wanted(folder: Path) -> None:
    ben = a_clerk()
    order = an_order(make_customer(), make_sku())
    old, new = run("export", [order], ben), run("export", [order], ben)
    BulkJob.objects.filter(pk=old.pk).update(finished_at=timezone.now() - timedelta(days=7))
    remove_old_exports()
    old.refresh_from_db()
    assert old.file == ""
    assert len(list((folder / "orders").iterdir())) == 1

    client = Client()
    client.force_login(ben)
    url = "/admin/ecommerce/bulkjob/{}/download/"
    for _time in range(2):
        answer = client.get(url.format(new.pk))
        assert b"".join(answer.streaming_content).decode() == text_of(new)  # type: ignore[attr-defined]
        assert answer["Content-Disposition"].startswith('attachment; filename="orders-')
    assert "Export again for a new one." in client.get(url.format(old.pk), follow=True).content.decode()
    page = client.get(f"/admin/ecommerce/bulkjob/{old.pk}/change/").content.decode()
    assert "Removed since. Export again for a new one." in page
    client.force_login(a_clerk("cleo", ("fulfill",)))
    assert client.get(url.format(new.pk)).status_code == 403


def test_the_list_starts_an_export_at_once() -> None:
    ben = a_clerk()
    order = an_order(make_customer(), make_sku())
    client = Client()
    client.force_login(ben)
    list_url = "/admin/ecommerce/order/?status__exact=created"
    posted = {"action": "export_orders", "_selected_action": order.pk, "select_across": "0"}
    answer = client.post(list_url, posted)
    assert answer["Location"] == list_url
    job = BulkJob.objects.get()
    run_job(job_id=job.pk, seconds=10)
    strip = client.get("/admin/ecommerce/bulkjob/strip/").content.decode()
    assert f"Bulk job {job.pk} is complete: export 1 order." in strip
    assert f'href="/admin/ecommerce/bulkjob/{job.pk}/download/">Download' in strip


def an_export(order: Order, form: str) -> tuple[BulkJob, bytes, str]:
    """Export an order from its list, and download the file."""
    ben = a_clerk()
    client = Client()
    client.force_login(ben)
    posted = {"action": "export_orders", "_selected_action": order.pk, "select_across": "0", "format": form}
    assert client.post("/admin/ecommerce/order/?status__exact=paid", posted).status_code == 302
    job = BulkJob.objects.get()
    run_job(job_id=job.pk, seconds=10)
    answer = client.get(f"/admin/ecommerce/bulkjob/{job.pk}/download/")
    data = b"".join(answer.streaming_content)  # type: ignore[attr-defined]
    job.refresh_from_db()
    return job, data, answer["Content-Disposition"]


def an_odd_order(**price: Any) -> Order:
    address = dict.fromkeys(("name", "line1", "city"), "=1+1; =2\r\nx") | {"postal_code": "01000"}
    return a_paid_order(make_customer(), make_sku(**price), quantity=1, shipping_address=address)


def test_a_workbook_keeps_numbers_and_codes_as_they_are() -> None:
    order = an_odd_order(price=4500)
    _job, data, disposition = an_export(order, "xlsx")

    assert disposition.endswith('.xlsx"')
    sheet: Any = openpyxl.load_workbook(io.BytesIO(data)).active
    header, cells = list(sheet.iter_rows())
    assert ",".join(str(cell.value) for cell in header) == HEADER + ADDED
    found = {str(name.value): cell for name, cell in zip(header, cells, strict=True)}
    assert (found["total"].value, found["total"].number_format, found["quantity"].value) == (45, "0.00", 1)
    assert (found["ship_postal_code"].value, found["ship_postal_code"].data_type) == ("01000", "s")
    assert (found["ship_line1"].value, found["ship_line1"].data_type) == ("=1+1; =2_x000D_\nx", "s")
    assert datetime.fromisoformat(found["created_at"].value) == order.created_at
    assert found["paid_at"].value is not None
    assert found["fulfilled_at"].value is None


def test_csv_for_excel_has_its_separators() -> None:
    _job, data, _name = an_export(an_odd_order(price=4500, currency="kwd"), "excel")

    assert data.startswith(b"\xef\xbb\xbfnumber;status;")
    (row,) = csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline=""), delimiter=";")
    assert (row["total"], row["quantity"], row["ship_postal_code"]) == ("4,500", "1", "01000")
    assert row["ship_line1"] == "'=1+1; =2\r\nx"


@pytest.mark.parametrize("form", ["", "pdf"])
def test_without_a_format_of_ours_it_is_the_csv(form: str) -> None:
    _job, data, name = an_export(an_odd_order(), form)
    assert name.endswith('.csv"')
    assert data.decode().split("\r\n")[0] == HEADER + ADDED


def test_a_retry_writes_the_same_format(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_job: BulkJob, _tell: Any) -> Iterator[bytes]:
        yield b"number"
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(export_orders, "order_rows", full)
        with pytest.raises(AttributeError):  # nothing to download
            an_export(an_odd_order(), "xlsx")
    job = BulkJob.objects.get()
    again = control.retry(job_id=job.pk, by=a_clerk("cleo"), at=timezone.now())
    assert again.selection["format"] == "xlsx"


@pytest.mark.parametrize(
    ("zone", "written"),
    [
        ("Asia/Kolkata", "2026-11-02T18:00:00+05:30"),
        ("America/New_York", "2026-11-02T07:30:00-05:00"),
        ("UTC", "2026-11-02T12:30:00+00:00"),
    ],
)
def test_times_are_in_the_reader_s_zone_with_their_offset(zone: str, written: str) -> None:
    order = a_paid_order(make_customer(), make_sku(), at=datetime(2026, 11, 2, 12, 30, tzinfo=UTC))
    with override_settings(TIME_ZONE=zone):
        (row,) = rows_of(run("export", [order], a_clerk()))
    assert row["created_at"] == written


def test_tags_hold_and_assignee_are_in_the_file() -> None:
    order = a_paid_order(make_customer(), make_sku())
    tag(order_id=order.pk, add=["=VIP", "fragile"], by=ANA, at=timezone.now())
    hold(order_id=order.pk, reason="Fraud?", by=ANA, at=timezone.now())
    ben = make_user("ben")
    assign(order_id=order.pk, assignee_id=ben.pk, by=ANA, at=timezone.now())
    [row] = rows_of(run("export", [order], a_clerk("cleo")))
    told = (row["tags"], row["on_hold"], row["hold_reason"], row["assignee"])
    assert told == ("'=VIP, fragile", "true", "Fraud?", "ben")
