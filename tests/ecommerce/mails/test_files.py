"""What is attached: the document that was issued, or, where it is not yet, a mail of its own once it is."""

import pytest

from billing.documents.make import make_now, queue_again
from billing.models import Document
from customers.mail.attachments import attachments_of
from customers.models import Mail
from ecommerce.models import Order
from ecommerce.orders.cancel import cancel
from ecommerce.orders.fulfill import fulfill
from tests.support.factories import ANA, make_sku
from tests.support.mailbox import mail_kinds, written
from tests.support.order_acts import paid, settle
from tests.support.sellers import a_seller

pytestmark = pytest.mark.django_db


def test_the_invoice_and_the_credit_note_are_attached_as_they_were_issued() -> None:
    a_seller(tax_id="")
    order = paid()
    (confirmed,) = written(kind="order_confirmed")
    (file,) = attachments_of(confirmed)
    document = Document.objects.get(invoice=order.invoice)
    assert (file.name, file.content_type, file.content) == (document.file_name, "application/pdf", document.read())
    assert f"Your invoice {order.invoice} is attached." in confirmed.text
    assert "Krug GmbH" in confirmed.html
    assert "Invalidenstraße 116" in confirmed.text

    cancel(order_id=order.pk, reason="", by=ANA, at=order.created_at)
    settle(order)
    (canceled,) = written(kind="canceled")
    assert [each.name[:2] for each in attachments_of(canceled)] == ["CN"]
    assert "The credit note CN-" in canceled.text


def broken(order: Order) -> Document:
    document = Document.objects.get(invoice=order.invoice)
    changes = {"next_attempt_at": None, "issued_at": None, "file": "", "sha256": "", "size": 0}
    Document.objects.filter(pk=document.pk).update(status="broken", problems=[{"rule": "x", "words": "y"}], **changes)
    return document


def issue(document: Document) -> None:
    queue_again(Document.objects.filter(pk=document.pk))
    assert make_now(document.pk).status == "issued"


def test_one_that_is_broken_follows_in_a_mail_of_its_own_once() -> None:
    a_seller(tax_id="")
    order = paid()
    document = broken(order)
    (confirmed,) = written()
    assert f"Your invoice {order.invoice} follows." in confirmed.text
    assert attachments_of(confirmed) == []
    issue(document)
    assert mail_kinds(order) == ["order_confirmed", "invoice"]
    (follows,) = written(kind="invoice")
    assert str(order.invoice) in follows.subject
    assert [each.content for each in attachments_of(follows)] == [Document.objects.get().read()]
    broken(order)
    assert Mail.objects.filter(kind="invoice").count() == 1


def test_one_that_was_attached_is_not_sent_again() -> None:
    a_seller(tax_id="")
    order = paid()
    issue(broken(order))
    written()
    assert mail_kinds(order) == ["order_confirmed"]


def test_a_consumer_who_gave_no_address_gets_the_pdf_and_hears_of_no_parcel() -> None:
    a_seller()
    order = paid(sku=make_sku("EBOOK"))
    assert order.shipping_address is None
    fulfill(order_id=order.pk, by=ANA, at=order.created_at)
    (confirmed,) = written()
    assert [file.name for file in attachments_of(confirmed)] == [f"{order.invoice}.pdf"]
    assert "Goes to" not in confirmed.text
    assert Document.objects.get(invoice=order.invoice).status == "issued"
