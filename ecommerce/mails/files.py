"""The invoice and the credit note that a mail has with it: the very file that was issued."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _

from billing.documents.make import document_for, make_now
from billing.models import CreditNote, Document, Invoice
from customers.mail.attachments import Attachment, NotReadyError

PREFIX = "document"


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
        document = make_now(document.pk)
    number = {"number": issued.number}
    match document.status:
        case Document.Status.ISSUED:
            return Attached(notes=[attached % number], data={"attachments": [f"{PREFIX}:{document.pk}"]})
        case Document.Status.BROKEN:
            # Once it is issued, a mail of its own brings it.
            return Attached(notes=[late % number], data={"follows": document.pk})
        case _:
            raise NotReadyError


def read(key: str) -> Attachment:
    """Read what is attached, byte for byte as it was issued; raise DocumentLost, StorageUnavailable."""
    document = Document.objects.select_related("invoice", "credit_note").get(pk=int(key))
    return Attachment(name=document.file_name, content_type="application/pdf", content=document.read())
