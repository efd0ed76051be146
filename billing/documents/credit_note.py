"""The document of a credit note, read from the allocations of its refund and from what was frozen on its invoice."""

from collections import Counter
from collections.abc import Iterable, Sequence

from billing.documents.document import DocumentLine, InvoiceDocument, LineTax, ShippingCharge, summed
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
from billing.models import CreditNote, Invoice, InvoiceLine, InvoiceTax, RefundFee
from billing.sums import tax_label
from billing.tax_report import credited_of


def document_of_credit_note(note: CreditNote) -> InvoiceDocument:
    """Return what a credit note says: what goes back, line by line, then the shipping, less what is kept as fees."""
    invoice = note.invoice
    taxes = by_key(invoice.taxes.all())
    fees = by_key(note.refund.fee_rows.select_related("invoice_tax"))
    goods = _without_fees(credited_of(note), fees)
    lines, shipping = _given_back(note, taxes, goods)
    lines += [
        _fee_line(position, fee, prices_include_tax=invoice.prices_include_tax)
        for position, fee in enumerate(fees, start=len(lines) + 1)
    ]
    listed = [tax for line in lines for tax in line.taxes] + list(shipping.taxes if shipping else ())
    tax = sum(each.tax for each in lines) + (shipping.tax if shipping else 0)
    return InvoiceDocument(
        kind="credit_note",
        number=note.number,
        issued_on=day_of(note.issued_at),
        delivered_on=day_of(invoice.paid_at or invoice.issued_at),
        corrects_number=invoice.number,
        corrects_issued_on=day_of(invoice.issued_at),
        seller=seller_party(note.seller or invoice.seller),
        footer=footer_of(note.seller or invoice.seller),
        lines=tuple(lines),
        shipping=shipping,
        subtotal=sum(line.amount for line in lines),
        discount=0,
        manual_discount=0,
        net=note.amount - tax,
        tax=tax,
        total=note.amount,
        paid=note.amount,
        taxes=summed([tax_total(each) for each in listed]),
        seller_currency_tax=in_seller_currency(invoice, tax),
        **shared(invoice),
    )


def _without_fees(credited: dict[int, tuple[int, int]], fees: Sequence[RefundFee]) -> dict[int, tuple[int, int]]:
    """Undo that the tax report takes fees off what goes back: on a document they are lines of their own."""
    back = dict(credited)
    for fee in fees:
        if fee.invoice_tax_id:
            taxable, amount = back.get(fee.invoice_tax_id, (0, 0))
            back[fee.invoice_tax_id] = (taxable + fee.net, amount + fee.tax)
    return back


def _given_back(
    note: CreditNote, taxes: Iterable[InvoiceTax], credited: dict[int, tuple[int, int]]
) -> tuple[list[DocumentLine], ShippingCharge | None]:
    invoice = note.invoice
    quantities, nets = Counter[int | None](), Counter[int | None]()
    touched: set[int | None] = set()
    for each in note.refund.allocations.all():
        touched.add(each.invoice_line_id)
        quantities[each.invoice_line_id] += each.quantity
        nets[each.invoice_line_id] += 0 if each.invoice_tax_id else each.amount
    of_lines: dict[int | None, list[LineTax]] = {}
    for tax in taxes:
        taxable, amount = credited.get(tax.pk, (0, 0))
        if tax.line_id or taxable or amount:  # a line that was free is taxed all the same
            of_lines.setdefault(tax.line_id, []).append(line_tax(tax, taxable, amount))
    sold = [line for line in by_key(invoice.lines.all()) if line.pk in touched]
    lines = [
        _line_back(position, line, quantities[line.pk], nets[line.pk], of_lines.get(line.pk, []), invoice)
        for position, line in enumerate(sold, start=1)
    ]
    return lines, _shipping_back(invoice, nets[None], of_lines.get(None, [])) if None in touched else None


def _line_back(
    position: int, line: InvoiceLine, quantity: int, net: int, taxes: Sequence[LineTax], invoice: Invoice
) -> DocumentLine:
    tax = sum(each.amount for each in taxes)
    return DocumentLine(
        position=position,
        code=line.sku_code,
        description=line.description,
        quantity=quantity,
        unit_price=0,
        amount=net + (tax if invoice.prices_include_tax else 0),
        discount=0,
        net=net,
        tax=tax,
        taxes=tuple(taxes),
    )


def _shipping_back(invoice: Invoice, net: int, taxes: Sequence[LineTax]) -> ShippingCharge:
    tax = sum(each.amount for each in taxes)
    amount = net + (tax if invoice.prices_include_tax else 0)
    return ShippingCharge(name=invoice.shipping_name, amount=amount, net=net, tax=tax, taxes=tuple(taxes))


def _fee_line(position: int, fee: RefundFee, *, prices_include_tax: bool) -> DocumentLine:
    price = fee.amount if prices_include_tax else fee.net
    # What is not taxed has no tax of the sale, and is outside the scope of taxes.
    of = fee.invoice_tax
    taxed = LineTax(
        category=fee.category,
        rate=fee.rate,
        taxable=-fee.net,
        amount=-fee.tax,
        reason=of.reason if of else "",
        label=tax_label(of) if of else "",
    )
    return DocumentLine(
        position=position,
        code="",
        description=fee.name,
        quantity=-1,
        unit_price=price,
        amount=-price,
        discount=0,
        net=-fee.net,
        tax=-fee.tax,
        taxes=(taxed,) if of else (),
    )
