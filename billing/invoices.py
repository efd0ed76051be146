"""Issue, pay and void invoices, and issue and void the credit notes of refunds.

Every function runs inside the transaction of its caller, who holds the lock of the order.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime

from django.conf import settings
from django.db.models import Case, F, When

from billing.models import CreditNote, Document, Invoice, InvoiceLine, InvoiceTax, Refund
from billing.numbers import take_numbers
from customers.models import Customer


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceData:
    """What an invoice freezes of an order. Amounts are in the currency's minor unit."""

    customer: Customer
    reference: str
    currency: str
    subtotal: int
    discount: int
    manual_discount: int
    discount_reason: str
    coupon_code: str
    shipping: int
    shipping_tax: int
    shipping_name: str
    tax: int
    prices_include_tax: bool
    total: int
    bill_to: dict[str, str]
    ship_to: dict[str, str] | None
    lines: Sequence[InvoiceLine]
    taxes: Sequence[InvoiceTax]


def issue(*, data: InvoiceData, at: datetime) -> Invoice:
    """Issue an open invoice. Its number comes from a gapless counter, locked until the transaction ends."""
    frozen = {field.name: getattr(data, field.name) for field in fields(data) if field.name not in {"lines", "taxes"}}
    taken = take_numbers("invoice", at=at, currency=data.currency)
    invoice = Invoice.objects.create(
        number=taken.numbers[0],
        issued_at=at,
        seller_id=taken.seller_version,
        seller_currency=taken.seller_currency,
        exchange_rate=taken.exchange_rate,
        exchange_rate_source=taken.exchange_rate_source,
        is_test=settings.IS_TEST_SHOP,
        **frozen,
    )
    for line in data.lines:
        line.invoice = invoice
    InvoiceLine.objects.bulk_create(data.lines)
    for tax in data.taxes:
        tax.invoice = invoice
    InvoiceTax.objects.bulk_create(data.taxes)
    return invoice


def mark_paid(*, invoice: Invoice, at: datetime) -> None:
    """Mark an open invoice paid in full; raise RuntimeError if it is not open."""
    _change(invoice, Invoice.Status.OPEN, status=Invoice.Status.PAID, paid_at=at, amount_paid=invoice.total)
    _queue_documents([Document(invoice=invoice)])


def void(*, invoice: Invoice, at: datetime) -> None:
    """Void an open invoice, whose order was canceled before it was paid."""
    _change(invoice, Invoice.Status.OPEN, status=Invoice.Status.VOID, voided_at=at)


def issue_credit_note(*, invoice: Invoice, refund: Refund, at: datetime) -> CreditNote:
    """Issue the credit note of a refund that Stripe accepted, or that was settled outside Stripe."""
    (note,) = issue_credit_notes(owed=[(invoice.pk, refund)], at=at)
    return note


def issue_credit_notes(*, owed: Sequence[tuple[int, Refund]], at: datetime) -> list[CreditNote]:
    """Issue the credit notes of many refunds, given with the primary keys of their invoices, each another one."""
    amounts = Case(*(When(pk=invoice_id, then=refund.amount) for invoice_id, refund in owed))
    credited = Invoice.objects.filter(pk__in=[invoice_id for invoice_id, _refund in owed])
    credited.update(amount_refunded=F("amount_refunded") + amounts)
    taken = take_numbers("credit_note", len(owed), at=at)
    notes = CreditNote.objects.bulk_create(
        CreditNote(
            number=number,
            invoice_id=invoice_id,
            refund=refund,
            seller_id=taken.seller_version,
            currency=refund.currency,
            amount=refund.amount,
            issued_at=at,
        )
        for number, (invoice_id, refund) in zip(taken.numbers, owed, strict=True)
    )
    _queue_documents([Document(credit_note=note) for note in notes])
    return notes


def _queue_documents(documents: Sequence[Document]) -> None:
    # Workers make them after the commit. Whatever is there already, no document keeps money from being applied.
    Document.objects.bulk_create(documents, ignore_conflicts=True)


def void_credit_note(*, invoice: Invoice, refund: Refund, at: datetime) -> None:
    """Void the credit note of a refund that failed after Stripe had accepted it, if it has one."""
    if CreditNote.objects.filter(refund=refund, voided_at=None).update(voided_at=at):
        Invoice.objects.filter(pk=invoice.pk).update(amount_refunded=F("amount_refunded") - refund.amount)


def _change(invoice: Invoice, expected: Invoice.Status, **values: object) -> None:
    if Invoice.objects.filter(pk=invoice.pk, status=expected).update(**values) != 1:
        raise RuntimeError(f"Invoice {invoice.number} is not {expected}.")
    for name, value in values.items():
        setattr(invoice, name, value)
