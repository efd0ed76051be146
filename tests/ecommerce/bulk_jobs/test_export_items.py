"""The file of items: a row for each item of the orders that were chosen."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client, override_settings
from django.utils import timezone

from backoffice.file_storage import storage
from ecommerce.bulk_jobs import control
from ecommerce.models import BulkJob, Order, OrderItem
from ecommerce.orders.fulfill import fulfill
from tests.support.bulk_jobs import a_clerk, run, work
from tests.support.factories import ANA, make_sku
from tests.support.order_acts import items_of, paid_lines

pytestmark = pytest.mark.django_db(transaction=True)
UPS = "1Z5R89390357567127"
ITEMS = {"rows": "items"}


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path) -> Iterator[None]:
    backend = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": tmp_path}}
    with override_settings(STORAGES={**settings.STORAGES, "exports": backend}):
        yield


def rows_of(job: BulkJob) -> list[dict[str, str]]:
    with storage().open(job.file) as file:
        return list(csv.DictReader(io.StringIO(bytes(file.read()).decode(), newline="")))


@pytest.fixture
def order() -> Order:
    """A paid order of 3 mugs and a book, one mug of which was sent."""
    order = paid_lines((make_sku("MUG", shippable=True), 3), (make_sku("E-BOOK", name="Epub"), 1))
    mugs = items_of(order)[0].pk
    fulfill(order_id=order.pk, items=[(mugs, 1)], carrier="UPS", tracking_number=UPS, by=ANA, at=timezone.now())
    fulfill(order_id=order.pk, items=[(mugs, 1)], carrier="Own van", by=ANA, at=timezone.now())
    return order


def test_each_item_has_a_row_with_what_became_of_it(order: Order) -> None:
    mugs, book = rows_of(run("export", [order], a_clerk(), parameters=ITEMS))
    assert mugs == {
        "order_number": order.number,
        "order_status": "paid",
        "sku": "MUG",
        "description": items_of(order)[0].description,
        "quantity": "3",
        "fulfilled": "2",
        "canceled": "0",
        "returned": "0",
        "currency": "USD",
        "unit_price": "15.00",
        "amount": "45.00",
        "discount": "0.00",
        "tax": "0.00",
        "carriers": "UPS; Own van",
        "tracking_numbers": UPS,
    }
    assert (book["sku"], book["fulfilled"], book["carriers"]) == ("E-BOOK", "0", "")


def test_what_a_spreadsheet_would_run_is_neutralised(order: Order) -> None:
    OrderItem.objects.filter(order=order).update(description="=1+1")
    assert {row["description"] for row in rows_of(run("export", [order], a_clerk(), parameters=ITEMS))} == {"'=1+1"}


def test_the_list_starts_it_without_a_question_and_a_retry_writes_the_same(order: Order) -> None:
    client, clerk = Client(), a_clerk()
    client.force_login(clerk)
    posted = {"action": "export_items", "select_across": "0", "_selected_action": order.pk, "format": "csv"}
    assert client.post("/admin/ecommerce/order/", posted).status_code == 302
    job = BulkJob.objects.get()
    assert (job.action, job.parameters) == ("export", ITEMS)
    assert "export the items of 1 order" in client.get(f"/admin/ecommerce/bulkjob/{job.pk}/change/").content.decode()
    BulkJob.objects.update(status="failed")
    again = work(control.retry(job_id=job.pk, by=clerk, at=timezone.now()))
    assert len(rows_of(again)) == 2
