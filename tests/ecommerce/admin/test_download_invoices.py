"""The mass action that downloads invoices, from the orders and from the invoices."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import Permission
from django.test import Client, override_settings

from customers.models import User
from ecommerce.models import BulkJob, Order
from tests.ecommerce.admin.test_mass_jobs import button, choose, hidden
from tests.support.bulk_jobs import a_clerk, outcomes, work
from tests.support.factories import make_customer, make_sku
from tests.support.forms import sentences
from tests.support.rows import a_paid_order, an_order
from tests.support.sellers import a_seller

pytestmark = pytest.mark.django_db
ORDERS = "/admin/ecommerce/order/"
INVOICES = "/admin/billing/invoice/"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path) -> Iterator[None]:
    backend = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": tmp_path}}
    with override_settings(STORAGES={**settings.STORAGES, "exports": backend}):
        yield


@pytest.fixture
def client() -> Client:
    ben: User = a_clerk()
    ben.user_permissions.add(Permission.objects.get(codename="view_invoice"))
    client = Client()
    client.force_login(ben)
    return client


@pytest.fixture
def orders() -> list[Order]:
    a_seller()
    customer, mug = make_customer(), make_sku()
    return [a_paid_order(customer, mug, quantity=1), a_paid_order(customer, mug, quantity=2), an_order(customer, mug)]


def confirmed(client: Client, url: str, asked: Any, **more: str) -> Any:
    return client.post(url, {**hidden(asked), "file": "zip", **more})


def test_from_orders_with_a_question_first(client: Client, orders: list[Order]) -> None:
    asked = choose(client, ORDERS, "download_invoices", _selected_action=[order.pk for order in orders])
    assert button(asked) == "Download the invoices of 2 orders"
    assert "2 invoices go into the file." in sentences(asked)
    assert "1 has no invoice yet." in sentences(asked)
    assert not BulkJob.objects.exists()
    assert confirmed(client, ORDERS, asked, credit_notes="on")["Location"] == ORDERS
    job = BulkJob.objects.get()
    assert (job.parameters, job.total) == ({"file": "zip", "credit_notes": True}, 3)
    job = work(job)
    assert [status for status, _why in outcomes(job).values()] == ["done", "done", "skipped"]
    page = sentences(client.get(f"/admin/ecommerce/bulkjob/{job.pk}/change/"))
    for words in (
        "complete, not all orders have an invoice to download: download the invoices and credit notes of 3",
        "2 documents, kept for 7 days",
        "Download invoices",
    ):
        assert words in page
    file = client.get(f"/admin/ecommerce/bulkjob/{job.pk}/download/")
    assert file["Content-Type"] == "application/zip"
    assert f"job-{job.pk}.zip" in file["Content-Disposition"]
    file.close()


def test_from_invoices_by_key_whatever_the_list_is_filtered_by(client: Client, orders: list[Order]) -> None:
    url = f"{INVOICES}?status__exact=void"
    ticked = [order.invoice_id for order in orders[:2]]
    asked = choose(client, url, "download_invoices", _selected_action=ticked)
    assert button(asked) == "Download the invoices of 2 orders"
    assert confirmed(client, url, asked, file="pdf")["Location"] == url
    job = BulkJob.objects.get()
    assert (job.total, job.parameters["file"]) == (2, "pdf")
    assert job.selection == {"words": "2 ticked invoices", "query": "status__exact=void"}
    assert f"Bulk job {job.pk} is running" in sentences(client.get(INVOICES))


def test_all_invoices_that_match(client: Client, orders: list[Order]) -> None:
    url = f"{INVOICES}?status__exact=paid"
    asked = choose(client, url, "download_invoices", select_across="1")
    customer = orders[0].customer
    more = a_paid_order(customer, make_sku("LAMP"), quantity=1)
    again = confirmed(client, url, asked)
    assert "Other orders match now than you had seen." in sentences(again)
    assert confirmed(client, url, again).status_code == 302
    assert {order.pk for order in (orders[0], orders[1], more)} == set(BulkJob.objects.get().slices.get().order_ids)


def test_one_pdf_is_bounded(client: Client, orders: list[Order], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ecommerce.admin.bulk_jobs.job_forms.MOST_IN_ONE_PDF", 1)
    asked = choose(client, ORDERS, "download_invoices", _selected_action=[order.pk for order in orders])
    refused = confirmed(client, ORDERS, asked, file="pdf")
    assert "One PDF holds the invoices of 1 orders at most: choose ZIP." in sentences(refused)
    assert not BulkJob.objects.exists()


def test_nothing_ticked_and_nothing_to_download(client: Client, orders: list[Order]) -> None:
    assert "Tick the invoices to download first." in sentences(
        client.post(INVOICES, {"action": "download_invoices"}, follow=True)
    )
    asked = choose(client, ORDERS, "download_invoices", _selected_action=[orders[2].pk])
    assert "None of these orders has an invoice to download." in sentences(asked)


def test_who_may(as_role: Any, orders: list[Order]) -> None:
    ticked = {"_selected_action": [orders[0].invoice_id]}
    for role, status in (("Viewer", 403), ("Support", 403), ("Finance", 200)):
        client = as_role(role)
        assert choose(client, INVOICES, "download_invoices", **ticked).status_code == status
        assert ('value="download_invoices"' in client.get(INVOICES).content.decode()) is (status == 200)
