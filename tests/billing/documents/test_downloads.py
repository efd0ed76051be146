"""Downloads: in the admin, and by links that are signed for a time."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as given_settings
from django.test import Client

from billing import downloads
from billing.documents import links, make
from billing.models import CreditNote, Document, Invoice
from ecommerce.models import Order
from tests.support.factories import make_customer, make_sku
from tests.support.forms import sentences
from tests.support.rows import a_paid_order, a_refund

pytestmark = pytest.mark.django_db
AsRole = Callable[[str], Client]


@pytest.fixture(autouse=True)
def _no_waiting(tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": tmp_path}}
    settings.STORAGES = {**given_settings.STORAGES, "exports": kept}
    monkeypatch.setattr(downloads, "WAIT_SECONDS", 0)  # no worker runs here


@pytest.fixture
def order() -> Order:
    return a_paid_order(make_customer(), make_sku())


def issue(issued: Invoice | CreditNote) -> bytes:
    document = make.document_for(issued)
    assert document
    return make.make_now(document.pk).read()


def address(issued: Invoice | CreditNote) -> str:
    return links.signed_link(issued).removeprefix(given_settings.BASE_URL)


def test_staff_download_the_same_bytes_each_time(as_role: AsRole, order: Order) -> None:
    assert order.invoice
    content = issue(order.invoice)
    viewer = as_role("Viewer")
    page = f"/admin/billing/invoice/{order.invoice.pk}/"
    assert f'href="{page}documents/pdf/"' in viewer.get(f"{page}change/").content.decode()
    for _ in range(2):
        file = viewer.get(f"{page}documents/pdf/")
        assert (file.content, file["Content-Type"]) == (content, "application/pdf")
        assert file["Content-Disposition"] == f'attachment; filename="{order.invoice.number}.pdf"'
    tab = viewer.get(f"/admin/customers/customer/{order.customer_id}/change/").content.decode()
    assert f'href="{page}documents/pdf/"' in tab
    assert as_role("nobody").get(f"{page}documents/pdf/").status_code == 403
    assert viewer.get(f"{page}documents/cii/", follow=True).redirect_chain == [(f"{page}change/", 302)]
    assert viewer.get(f"{page}documents/exe/").status_code == 404
    assert viewer.get("/admin/billing/invoice/999999/documents/pdf/").status_code == 404


def test_credit_notes_are_downloaded_too_void_ones_as_they_were(as_role: AsRole, order: Order) -> None:
    note = a_refund(order, 500).credit_note
    content = issue(note)
    page = f"/admin/billing/creditnote/{note.pk}/"
    finance = as_role("Finance")
    assert finance.get(f"{page}documents/pdf/").content == content
    CreditNote.objects.update(voided_at=note.issued_at)
    assert finance.get(f"{page}documents/pdf/").content == content
    assert "Void since" in sentences(finance.get(f"{page}change/"))


@pytest.mark.parametrize(
    ("status", "sentence"),
    [("open", "is not paid: its PDF is made once it is."), ("void", "was voided before it was paid")],
)
def test_an_invoice_that_is_not_paid_has_no_pdf(as_role: AsRole, order: Order, status: str, sentence: str) -> None:
    assert order.invoice
    voided = {"voided_at": order.invoice.issued_at} if status == "void" else {}
    Invoice.objects.update(status=status, paid_at=None, amount_paid=0, **voided)
    page = f"/admin/billing/invoice/{order.invoice.pk}/"
    viewer = as_role("Viewer")
    assert f"{page}documents/pdf/" not in viewer.get(f"{page}change/").content.decode()
    assert sentence in sentences(viewer.get(f"{page}documents/pdf/", follow=True))


def test_the_first_download_of_an_older_invoice_queues_it(as_role: AsRole, order: Order) -> None:
    assert order.invoice
    page = f"/admin/billing/invoice/{order.invoice.pk}/documents/pdf/"
    viewer = as_role("Viewer")
    assert "is being made. Try again in a moment." in sentences(viewer.get(page, follow=True))
    make.make_due(until=float("inf"))
    assert viewer.get(page).content.startswith(b"%PDF")
    Document.objects.update(
        status="broken", issued_at=None, file="", sha256="", size=0, problems=[{"words": "Mend it."}]
    )
    assert "can't be issued yet. Mend it." in sentences(viewer.get(page, follow=True))


def test_a_signed_link_needs_no_sign_in_and_ends(order: Order, monkeypatch: pytest.MonkeyPatch) -> None:
    assert order.invoice
    link = address(order.invoice)
    assert Client().get(link).status_code == 503
    content = issue(order.invoice)
    found = Client().get(link)
    assert found.content == content
    assert "no-store" in found["Cache-Control"]
    assert Client().get(f"{link[:-2]}x/").status_code == 404
    assert Client().post(link).status_code == 405
    note = a_refund(order, 500).credit_note
    assert issue(note) == Client().get(address(note)).content
    assert links.signed_link(order.invoice).endswith(link)
    today = links._today()
    monkeypatch.setattr(links, "_today", lambda: today + 1)
    assert Client().get(link).content == content
    monkeypatch.setattr(links, "_today", lambda: today + 2)
    gone = Client().get(link)
    assert gone.status_code == 410
    assert "This link has ended." in sentences(gone)
