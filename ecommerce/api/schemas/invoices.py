"""Invoices and credit notes in responses, with links to their PDF. Amounts are in the currency's minor unit."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel

from billing import models
from billing.documents.links import signed_link
from ecommerce.api.schemas.rows import FromRow, string_enum

InvoiceStatus = Annotated[str, string_enum("draft", "open", "paid", "void", "uncollectible")]


class Invoice(FromRow):
    """The order's one invoice."""

    number: str
    status: InvoiceStatus
    amount_paid: int
    amount_refunded: int


class CreditNote(BaseModel):
    """What a refund took off the invoice. `pdf` is a link that needs no token, and is valid for a day."""

    number: str
    amount: int
    currency: str
    created: datetime
    pdf: str


def pdf_of_invoice(invoice: models.Invoice | None) -> str | None:
    return signed_link(invoice) if invoice and invoice.status == models.Invoice.Status.PAID else None


def credit_notes_of(invoice: models.Invoice | None) -> list[CreditNote]:
    """Return the credit notes that are not void, read with the invoice."""
    return [
        CreditNote(
            number=note.number,
            amount=note.amount,
            currency=note.currency,
            created=note.issued_at,
            pdf=signed_link(note),
        )
        for note in (invoice.credit_notes.all() if invoice else ())
    ]
