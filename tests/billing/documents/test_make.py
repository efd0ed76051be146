"""Documents are made once, by one worker of two, whatever ends in between; none of it touches money."""

import hashlib
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from threading import Barrier, Thread
from typing import Any

import pytest
from django.conf import settings as given_settings
from django.db import connection
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext

from backoffice import leases
from billing import invoices
from billing.documents import make
from billing.models import CreditNote, Document, DocumentLost, ExchangeRate, Invoice
from customers.models import Customer
from ecommerce.models import Order
from ecommerce.pricing.order import Line
from ecommerce.pricing.refunds import refund_of_rest
from tests.support.factories import make_customer
from tests.support.sellers import a_seller
from tests.support.taxed import VAT_19, a_taxed_order, cells_left, give_back

pytestmark = pytest.mark.django_db
AT = datetime(2026, 11, 3, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, settings: Any) -> Path:
    kept = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": tmp_path}}
    settings.STORAGES = {**given_settings.STORAGES, "exports": kept}
    return tmp_path / "documents"


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def sold(**fields: Any) -> Order:
    line = Line(unit_price=1000, quantity=2, taxes=(VAT_19,))
    customer = Customer.objects.first() or make_customer()
    return a_taxed_order(customer, [line], at=AT, **fields)


def queued(**fields: Any) -> Document:
    order = sold(**fields)
    assert order.invoice
    document = make.document_for(order.invoice)
    assert document
    return document


def made(document: Document) -> Document:
    return make.make_now(document.pk)


def test_an_issued_document_is_its_file_for_ever(folder: Path) -> None:
    a_seller()
    document = made(queued())

    assert (document.status, document.next_attempt_at, document.problems) == ("issued", None, [])
    content = document.read()
    assert content.startswith(b"%PDF-1.7")
    assert (document.sha256, document.size) == (hashlib.sha256(content).hexdigest(), len(content))
    (file,) = files(folder)
    assert document.sha256[:16] in file.name
    a_seller(name="Another AG")
    assert made(document).read() == content
    assert files(folder) == [file]
    assert document.file_name == f"{document.of.number}.pdf"


def test_an_invoice_is_frozen_with_what_the_settings_lacked_when_it_was_issued() -> None:
    document = queued()
    version = a_seller().version
    assert made(document).status == "issued"
    assert Invoice.objects.get().seller == version


def test_what_another_worker_has_frozen_meanwhile_stays() -> None:
    document = queued()
    (mine,) = leases.claim(make._with_all_it_says(Document.objects.filter(pk=document.pk)))
    first = a_seller().version
    Invoice.objects.update(seller=first)
    a_seller(name="Another AG")
    make._content(mine)
    assert Invoice.objects.get().seller == first
    assert mine.of.seller == first


def test_credit_notes_have_documents_too() -> None:
    order = sold()
    give_back(order, refund_of_rest(cells_left(order)), at=AT)
    (document,) = Document.objects.all()
    assert document.credit_note == CreditNote.objects.get()
    assert made(document).read().startswith(b"%PDF")


def test_paying_writes_one_row_and_makes_nothing(folder: Path) -> None:
    order = sold()
    Invoice.objects.update(status="open", paid_at=None, amount_paid=0)
    invoice = Invoice.objects.get()
    with CaptureQueriesContext(connection) as queries:
        invoices.mark_paid(invoice=invoice, at=AT)
    assert len(queries) == 2
    assert "ON CONFLICT DO NOTHING" in queries[1]["sql"]
    assert Document.objects.get().status == "queued"
    assert files(folder) == []
    assert order.status == "paid"


def test_a_crash_between_file_and_row_leaves_the_file_to_the_next_attempt(folder: Path) -> None:
    document = queued()
    (claimed,) = leases.claim(Document.objects.filter(pk=document.pk))
    content = make._content(claimed)
    make._keep(claimed, content, hashlib.sha256(content).hexdigest())
    (left,) = files(folder)
    Document.objects.update(next_attempt_at=Now())

    assert made(document).read() == content
    assert files(folder) == [left]


def test_half_a_file_is_not_taken_for_the_whole(folder: Path) -> None:
    document = queued()
    (claimed,) = leases.claim(Document.objects.filter(pk=document.pk))
    content = make._content(claimed)
    make._keep(claimed, content, hashlib.sha256(content).hexdigest())
    files(folder)[0].write_bytes(content[:1000])
    Document.objects.update(next_attempt_at=Now())

    assert made(document).read() == content
    assert len(files(folder)) == 1


@pytest.mark.parametrize("same", ["the same bytes", "other bytes"])
def test_who_lost_the_lease_changes_nothing(folder: Path, same: str) -> None:
    document = queued()
    (slow,) = leases.claim(Document.objects.filter(pk=document.pk))
    late = make._content(slow) + (b"" if same == "the same bytes" else b"%")
    Document.objects.update(next_attempt_at=Now())
    done = made(document)

    make._issue(slow, late)

    document.refresh_from_db()
    assert (document.sha256, document.file) == (done.sha256, done.file)
    assert len(files(folder)) == 1
    assert document.read()


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once(folder: Path) -> None:
    documents = [queued(), queued()]
    both, threads = Barrier(2), []

    def work() -> None:
        both.wait()
        for document in documents:
            make.make_now(document.pk)
        connection.close()

    for _worker in range(2):
        threads.append(Thread(target=work))
        threads[-1].start()
    for thread in threads:
        thread.join()
    found = Document.objects.order_by("pk")
    assert [each.status for each in found] == ["issued", "issued"]
    assert all(each.read() for each in found)
    assert len(files(folder)) == 2


def test_a_full_or_dead_storage_puts_it_off(folder: Path) -> None:
    folder.write_text("a file where the folder should be")
    document = made(queued())
    assert (document.status, document.attempts) == ("queued", 1)
    for _attempt in range(make.MAX_ATTEMPTS + 1):
        Document.objects.update(next_attempt_at=Now())
        assert made(document).status == "queued"
    folder.unlink()
    Document.objects.update(next_attempt_at=Now())
    assert made(document).status == "issued"


def test_one_that_ends_its_worker_each_time_comes_to_an_end() -> None:
    document = queued()
    Document.objects.update(attempts=make.MAX_ATTEMPTS)
    document = made(document)
    assert document.status == "broken"
    assert document.problems == [{"rule": "pdf", "words": "Its PDF could not be made 6 times."}]
    assert make.queue_again(Document.objects.all()) == 1
    assert made(document).status == "issued"


def test_a_changed_file_is_never_given_out(folder: Path) -> None:
    document = made(queued())
    files(folder)[0].write_bytes(b"%PDF-1.7 another")
    with pytest.raises(DocumentLost, match=r"put documents/.* back from a backup"):
        document.read()
    files(folder)[0].unlink()
    with pytest.raises(DocumentLost):
        document.read()


def test_a_shop_that_is_open_waits_for_its_seller(settings: Any) -> None:
    settings.IS_TEST_SHOP = False
    document = made(queued())
    assert document.status == "broken"
    assert "Nobody has filled in who sells" in document.problems[0]["words"]
    a_seller()
    assert make.queue_mended("exchange_rate") == 0
    assert make.queue_mended("seller") == 1
    assert made(document).status == "issued"


def test_tax_in_another_currency_waits_for_its_rate() -> None:
    a_seller()
    document = made(queued(currency="usd"))
    assert document.problems == [
        {
            "rule": "exchange_rate",
            "words": "There is no exchange rate of USD in EUR on Nov. 3, 2026: add one. It is issued by itself then.",
        }
    ]
    known = {"currency": "usd", "to_currency": "eur", "source": "ECB"}
    ExchangeRate.objects.create(rate=Decimal("0.5"), day=date(2026, 11, 1), **known)
    ExchangeRate.objects.create(rate=Decimal("0.6"), day=date(2026, 11, 4), **known)
    make.queue_mended("exchange_rate")
    assert made(document).status == "issued"
    invoice = Invoice.objects.get()
    assert (invoice.exchange_rate, invoice.exchange_rate_source) == (Decimal("0.5"), "ECB")


def test_due_documents_are_made_one_after_the_other_until_the_time_is_up(monkeypatch: Any) -> None:
    for _ in range(3):
        queued()
    assert make.make_due(until=0) is True
    assert make.make_due(until=float("inf")) is False
    assert set(Document.objects.values_list("status", flat=True)) == {"issued"}


def test_what_is_not_paid_has_none() -> None:
    sold()
    Invoice.objects.update(status="open", paid_at=None, amount_paid=0)
    assert make.document_for(Invoice.objects.get()) is None
    assert not Document.objects.exists()
