"""The document of an invoice or of a credit note, read from what was frozen when it was issued."""

from collections.abc import Iterable

from billing.documents.credit_note import document_of_credit_note
from billing.documents.document import DocumentLine, InvoiceDocument, ShippingCharge, summed
from billing.documents.parts import (
    by_key,
    day_of,
    footer_of,
    in_seller_currency,
    line_tax,
    seller_party,
    shared,
    tax_total,
)
from billing.models import CreditNote, Invoice, InvoiceLine, InvoiceTax
from billing.sums import by_line


def document_of(issued: Invoice | CreditNote) -> InvoiceDocument:
    """Return what an invoice or a credit note says."""
    return document_of_credit_note(issued) if isinstance(issued, CreditNote) else _document_of_invoice(issued)


def _document_of_invoice(invoice: Invoice) -> InvoiceDocument:
    taxes = by_key(invoice.taxes.all())
    of_lines = by_line(taxes)
    lines = [
        _line(position, line, of_lines.get(line.pk, ()))
        for position, line in enumerate(by_key(invoice.lines.all()), start=1)
    ]
    return InvoiceDocument(
        kind="invoice",
        number=invoice.number,
        issued_on=day_of(invoice.issued_at),
        delivered_on=day_of(invoice.paid_at or invoice.issued_at),
        seller=seller_party(invoice.seller),
        footer=footer_of(invoice.seller),
        lines=tuple(lines),
        shipping=_shipping(invoice, of_lines.get(None, ())),
        subtotal=invoice.subtotal,
        discount=invoice.discount,
        manual_discount=invoice.manual_discount,
        reason=invoice.discount_reason,
        coupon_code=invoice.coupon_code,
        net=invoice.total - invoice.tax,
        tax=invoice.tax,
        total=invoice.total,
        paid=invoice.amount_paid,
        taxes=summed([tax_total(line_tax(tax, tax.taxable, tax.amount)) for tax in taxes]),
        seller_currency_tax=in_seller_currency(invoice, invoice.tax),
        **shared(invoice),
    )


def _line(position: int, line: InvoiceLine, taxes: Iterable[InvoiceTax]) -> DocumentLine:
    return DocumentLine(
        position=position,
        code=line.sku_code,
        description=line.description,
        quantity=line.quantity,
        unit_price=line.unit_price,
        amount=line.amount,
        discount=line.discount,
        net=line.net,
        tax=line.tax,
        taxes=tuple(line_tax(tax, tax.taxable, tax.amount) for tax in taxes),
    )


def _shipping(invoice: Invoice, taxes: Iterable[InvoiceTax]) -> ShippingCharge | None:
    if not (invoice.shipping or invoice.shipping_name):
        return None
    return ShippingCharge(
        name=invoice.shipping_name,
        amount=invoice.shipping,
        net=invoice.shipping_net,
        tax=invoice.shipping_tax,
        taxes=tuple(line_tax(tax, tax.taxable, tax.amount) for tax in taxes),
    )
