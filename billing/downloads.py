"""Downloads of documents. One that was never asked for before is made by a worker, and waited for a moment."""

import time

from django.http import HttpResponse
from django.utils.translation import gettext as _

from backoffice.enqueue import enqueue_on_commit
from backoffice.file_storage import StorageUnavailable
from billing.documents.make import document_for
from billing.models import CreditNote, Document, DocumentLost, Invoice
from billing.tasks import make_document

WAIT_SECONDS, LOOK_EVERY = 6.0, 0.15
CONTENT_TYPES = {"pdf": "application/pdf", "cii": "application/xml", "ubl": "application/xml"}


class NotReady(Exception):
    """There is no file; the text is a sentence for users. `again` where asking again in a moment may help."""

    def __init__(self, words: str, *, again: bool = False) -> None:
        super().__init__(words)
        self.again = again


def download(issued: Invoice | CreditNote, format: str = Document.Format.PDF) -> HttpResponse:  # noqa: A002
    """Return the file of an invoice or credit note; raise NotReady."""
    document = issued_document(issued, format)
    try:
        content = document.read()
    except (DocumentLost, StorageUnavailable) as error:
        raise NotReady(str(error)) from error
    response = HttpResponse(content, content_type=CONTENT_TYPES[document.format])
    response["Content-Disposition"] = f'attachment; filename="{document.file_name}"'
    return response


def issued_document(issued: Invoice | CreditNote, format: str = Document.Format.PDF) -> Document:  # noqa: A002
    """Return the document once it is issued; raise NotReady if that takes longer than people wait."""
    document = document_for(issued, format)
    if document is None:
        raise NotReady(why_none(issued))
    if document.status == Document.Status.QUEUED:
        enqueue_on_commit(make_document, document_id=document.pk)
        until = time.monotonic() + WAIT_SECONDS
        while document.status == Document.Status.QUEUED and time.monotonic() < until:
            time.sleep(LOOK_EVERY)
            document.refresh_from_db()
    if document.status == Document.Status.BROKEN:
        raise NotReady(why_broken(document))
    if document.status == Document.Status.QUEUED:
        sentence = _("%(number)s is being made. Try again in a moment.")
        raise NotReady(sentence % {"number": issued.number}, again=True)
    return document


def why_broken(document: Document) -> str:
    """Say what keeps a document from being issued."""
    words = " ".join(each["words"] for each in document.problems)
    return _("%(number)s can't be issued yet. %(why)s") % {"number": document.of.number, "why": words}


def why_none(issued: Invoice | CreditNote) -> str:
    """Say why there is no document, and none can be asked for."""
    values = {"number": issued.number}
    if isinstance(issued, CreditNote) or issued.status == Invoice.Status.PAID:
        return _("%(number)s has no such file.") % values
    if issued.status == Invoice.Status.VOID:
        return _("%(number)s was voided before it was paid: nobody ever got it, and it has no PDF.") % values
    return _("%(number)s is not paid: its PDF is made once it is.") % values
