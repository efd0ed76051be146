"""Downloading many invoices: which are in the file, why others are not, and what a killed worker leaves."""

import zipfile
from collections.abc import Iterator
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db.models import F
from django.test import override_settings
from django.utils import timezone
from pypdf import PdfReader

from backoffice.file_storage import storage
from billing.models import CreditNote, Document
from customers.models import User
from ecommerce.bulk_jobs import control, export, invoices
from ecommerce.bulk_jobs.run import run_job
from ecommerce.erasure.files import remove_files
from ecommerce.erasure.words import collect
from ecommerce.models import BulkJob, Order
from ecommerce.pricing.order import Line
from ecommerce.pricing.refunds import refund_of_rest
from tests.support.bulk_jobs import a_clerk, a_job, outcomes, run, work
from tests.support.factories import make_customer, make_sku
from tests.support.rows import an_order
from tests.support.sellers import a_seller
from tests.support.taxed import VAT_19, a_taxed_order, cells_left, give_back

pytestmark = pytest.mark.django_db(transaction=True)
ZIP: dict[str, Any] = {"parameters": {"file": "zip", "credit_notes": False}}
PDF: dict[str, Any] = {"parameters": {"file": "pdf", "credit_notes": False}}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path) -> Iterator[Path]:
    backend = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": tmp_path}}
    with override_settings(STORAGES={**settings.STORAGES, "exports": backend}):
        yield tmp_path


@pytest.fixture
def ben() -> User:
    a_seller()
    return a_clerk()


def sold(count: int) -> list[Order]:
    customer, line = make_customer(), Line(unit_price=1000, quantity=1, taxes=(VAT_19,))
    return [a_taxed_order(customer, [line], at=timezone.now()) for _each in range(count)]


def number(order: Order) -> str:
    assert order.invoice
    return order.invoice.number


def content(job: BulkJob) -> BytesIO:
    with storage().open(job.file) as file:
        return BytesIO(file.read())


def names(job: BulkJob) -> list[str]:
    return zipfile.ZipFile(content(job)).namelist()


def as_if_killed(job: BulkJob) -> None:
    """Let time pass until others take the job up again."""
    BulkJob.objects.filter(pk=job.pk).update(beat_at=F("beat_at") - export.WORKER_TIMEOUT)
    job.slices.exclude(next_attempt_at=None).update(next_attempt_at=timezone.now() - timedelta(seconds=1))


def test_a_zip_has_a_pdf_of_each_invoice(ben: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ecommerce.bulk_jobs.selection.SLICE", 2)
    orders = sold(3)
    without = an_order(make_customer(email="bob@example.com"), make_sku())
    job = run("invoices", [*orders, without], ben, **ZIP)

    assert (job.status, job.file_rows) == ("partial", 3)
    assert names(job) == [f"{number(order)}.pdf" for order in orders]
    found = outcomes(job)
    assert [status for status, _why in found.values()] == ["done", "done", "done", "skipped"]
    assert found[without.number][1] == f"Order {without.number} has no invoice: it gets one once it is paid."
    archive = zipfile.ZipFile(content(job))
    documents = {f"{document.of.number}.pdf": document.read() for document in Document.objects.all()}
    assert {name: archive.read(name) for name in archive.namelist()} == documents


def test_one_pdf_has_the_pages_of_all(ben: User) -> None:
    orders = sold(2)
    job = run("invoices", orders, ben, **PDF)
    assert (job.status, job.file_rows, job.file[-4:]) == ("succeeded", 2, ".pdf")
    pages = [page.extract_text() for page in PdfReader(content(job)).pages]
    assert [number(order) in page for order, page in zip(orders, pages, strict=True)] == [True, True]


def test_credit_notes_come_with_their_invoices(ben: User) -> None:
    first, second = sold(2)
    give_back(first, refund_of_rest(cells_left(first)), at=timezone.now())
    note = CreditNote.objects.get()
    job = run("invoices", [first, second], ben, parameters={"file": "zip", "credit_notes": True})
    assert names(job) == [f"{each}.pdf" for each in (number(first), note.number, number(second))]


def test_what_can_t_be_issued_is_failed_and_retried_once_that_is_mended(ben: User) -> None:
    good, broken = sold(2)
    problem = {"rule": "seller", "words": "Nobody has filled in who sells."}
    Document.objects.create(invoice=broken.invoice, status="broken", problems=[problem], next_attempt_at=None)
    job = run("invoices", [good, broken], ben, **ZIP)
    why = f"{number(broken)} can't be issued yet. Nobody has filled in who sells."
    assert (job.status, names(job)) == ("partial", [f"{number(good)}.pdf"])
    assert outcomes(job)[broken.number] == ("failed", why)

    Document.objects.filter(status="broken").update(status="queued", problems=[], next_attempt_at=timezone.now())
    again = work(control.retry(job_id=job.pk, by=ben, at=timezone.now()))
    assert (again.status, names(again)) == ("succeeded", [f"{number(broken)}.pdf"])


def test_without_any_invoice_there_is_no_file(ben: User) -> None:
    job = run("invoices", [an_order(make_customer(), make_sku())], ben, **ZIP)
    assert (job.status, job.file) == ("partial", "")


def test_killed_while_documents_are_made_it_goes_on_behind_them(ben: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(invoices, "AT_ONCE", 1)
    orders = sold(3)
    job = a_job("invoices", orders, ben, **ZIP)
    real, made = invoices.make_documents, list[int]()

    def killed(job: BulkJob, order_ids: Any) -> Any:
        if len(made) == 2:
            raise KeyboardInterrupt
        made.extend(order_ids)
        return real(job, order_ids)

    with monkeypatch.context() as patched:
        patched.setattr(invoices, "make_documents", killed)
        with pytest.raises(KeyboardInterrupt):
            run_job(job_id=job.pk, seconds=10)
    assert [status for status, _why in outcomes(job).values()] == ["done", "done", "pending"]
    as_if_killed(job)
    job = work(job)
    assert (job.status, len(names(job))) == ("succeeded", 3)
    assert Document.objects.filter(status="issued").count() == 3


@pytest.mark.parametrize("parameters", [ZIP, PDF])
def test_killed_while_the_file_is_written_another_one_is(
    parameters: dict[str, Any], ben: User, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = a_job("invoices", sold(2), ben, **parameters)
    with monkeypatch.context() as patched:
        patched.setattr(Document, "read", lambda _document: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            run_job(job_id=job.pk, seconds=10)
    job.refresh_from_db()
    assert (job.status, job.file) == ("running", "")
    run_job(job_id=job.pk, seconds=10)
    job.refresh_from_db()
    assert (job.status, job.file) == ("running", "")  # who began it may be alive still

    as_if_killed(job)
    job = work(job)
    assert (job.status, job.file_rows) == ("succeeded", 2)
    assert [each.name for each in (folder / "orders").iterdir()] == [Path(job.file).name]


def test_killed_between_file_and_end_the_next_worker_ends_it(ben: User, monkeypatch: pytest.MonkeyPatch) -> None:
    job = a_job("invoices", sold(1), ben, **ZIP)
    with monkeypatch.context() as patched:
        patched.setattr("ecommerce.bulk_jobs.run.end_if_complete", lambda _id: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            run_job(job_id=job.pk, seconds=10)
    job.refresh_from_db()
    assert job.status == "running"
    file = job.file
    job = work(job)
    assert (job.status, job.file) == ("succeeded", file)


def test_stopped_and_resumed(ben: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(invoices, "AT_ONCE", 1)
    job = a_job("invoices", sold(3), ben, **ZIP)
    real = invoices.make_documents

    def stopping(job: BulkJob, order_ids: Any) -> Any:
        if not outcomes(job).keys() - {key for key, (status, _why) in outcomes(job).items() if status == "pending"}:
            control.stop(job_id=job.pk, by=ben)
        return real(job, order_ids)

    with monkeypatch.context() as patched:
        patched.setattr(invoices, "make_documents", stopping)
        job = work(job)
    assert (job.status, job.file) == ("stopped", "")
    assert sorted(status for status, _why in outcomes(job).values()) == ["done", "pending", "pending"]
    job = work(control.resume(job_id=job.pk, by=ben))
    assert (job.status, len(names(job))) == ("succeeded", 3)


def test_a_lost_file_fails_its_order_alone(ben: User) -> None:
    first, second = sold(2)
    run("invoices", [first, second], ben, **ZIP)
    storage().delete(Document.objects.get(invoice=first.invoice).file)
    job = run("invoices", [first, second], ben, **ZIP)
    assert (job.status, names(job)) == ("partial", [f"{number(second)}.pdf"])
    status, why = outcomes(job)[first.number]
    assert status == "failed"
    assert "put" in why
    assert "back from a backup" in why


def test_a_storage_that_is_full_fails_the_job_which_is_retried(ben: User, monkeypatch: pytest.MonkeyPatch) -> None:
    orders = sold(2)
    with monkeypatch.context() as patched:
        full = OSError(28, "No space left")
        patched.setattr(export.ExportWriter, "heartbeat", lambda *_: (_ for _ in ()).throw(full))
        job = run("invoices", orders, ben, **ZIP)
    assert job.status == "failed"
    assert "No space left. Once that is mended, retry." in job.message
    again = work(control.retry(job_id=job.pk, by=ben, at=timezone.now()))
    assert (again.status, len(names(again))) == ("succeeded", 2)


def test_without_the_right_it_stops(ben: User) -> None:
    job = a_job("invoices", sold(1), ben, **ZIP)
    ben.user_permissions.clear()
    job = work(job)
    assert job.status == "stopped"
    assert "may not download the invoices of orders any more" in job.message


def test_the_file_goes_with_a_customer_who_is_erased(ben: User) -> None:
    orders = sold(1)
    job = run("invoices", orders, ben, **ZIP)
    remove_files([orders[0].pk], collect(orders[0].customer))
    job.refresh_from_db()
    assert (job.file, Document.objects.get().read()[:4]) == ("", b"%PDF")
