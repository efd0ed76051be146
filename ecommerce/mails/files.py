"""The invoice and the credit note that a mail has with it: the very file that was issued."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.core.cache import cache
from django.db.models import Q
from django.utils.translation import gettext as _

from backoffice.file_storage import StorageUnavailable
from billing.documents import check
from billing.documents.make import document_for, make_now
from billing.models import CreditNote, Document, Invoice
from billing.models.document import DocumentLost
from customers.mail.attachments import Attachment, NotReadyError, UnreadableError
from ecommerce.models import Order

PREFIX = "document"
# A check takes some 50 ms, the first one of a process 600. Other mails wait meanwhile: where it takes longer, documents
# are left to the task that makes them, and their mails put off.
CHECK_SECONDS = 3
LATE = "checks-of-documents-are-late"
LATE_SECONDS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Attached:
    """What the mail says of it, and its `data`: what is attached, or that it follows."""

    notes: Sequence[str] = ()
    data: Mapping[str, Any] = field(default_factory=dict)


def of_invoice(invoice: Invoice | None) -> Attached:
    """Attach the invoice of a paid order; raise NotReadyError."""
    return _attach(
        invoice, attached=_("Your invoice %(number)s is attached."), late=_("Your invoice %(number)s follows.")
    )


def of_credit_note(note: CreditNote | None) -> Attached:
    """Attach the credit note of a refund; raise NotReadyError."""
    return _attach(
        note, attached=_("The credit note %(number)s is attached."), late=_("The credit note %(number)s follows.")
    )


def _attach(issued: Invoice | CreditNote | None, *, attached: str, late: str) -> Attached:
    document = document_for(issued) if issued else None
    if issued is None or document is None:
        return Attached()
    if document.status == Document.Status.QUEUED:
        document = _make(document)
    number = {"number": issued.number}
    match document.status:
        case Document.Status.ISSUED:
            return Attached(notes=[attached % number], data=of_document(document).data)
        case Document.Status.BROKEN:
            # Once it is issued, a mail of its own brings it.
            return Attached(notes=[late % number], data={"follows": document.pk})
        case _:
            raise NotReadyError


def _make(document: Document) -> Document:
    if cache.get(LATE):
        return document
    started = time.monotonic()
    with check.within(CHECK_SECONDS):
        made = make_now(document.pk)
    if made.status == Document.Status.QUEUED and time.monotonic() - started >= CHECK_SECONDS:
        cache.set(LATE, True, timeout=LATE_SECONDS)
    return made


def of_document(document: Document) -> Attached:
    return Attached(data={"attachments": [f"{PREFIX}:{document.pk}"]})


def read(key: str) -> Attachment:
    """Read what is attached, byte for byte as it was issued; raise UnreadableError."""
    document = Document.objects.select_related("invoice", "credit_note").get(pk=int(key))
    try:
        content = document.read()
    except (DocumentLost, StorageUnavailable) as error:
        raise UnreadableError(str(error)) from error
    return Attachment(name=document.file_name, content_type="application/pdf", content=content)


def attachable(order: Order) -> list[tuple[str, str]]:
    """Return what may be attached to a mail about an order: each issued file's name and label."""
    of_order = Q(invoice=order.invoice_id) | Q(credit_note__invoice=order.invoice_id)
    issued = Document.objects.filter(of_order, format=Document.Format.PDF, status=Document.Status.ISSUED)
    documents = issued.select_related("invoice", "credit_note").order_by("pk") if order.invoice_id else []
    return [(f"{PREFIX}:{document.pk}", document.file_name) for document in documents]
