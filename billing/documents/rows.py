"""What the page and the PDF of a document show in rows: what goes back, and the sums."""

from types import SimpleNamespace

from django.utils.translation import gettext as _

from billing.documents.document import InvoiceDocument
from billing.sums import GivenBack, SumRow, TaxTotal, sum_rows


def rows_back(document: InvoiceDocument) -> list[GivenBack]:
    """What a credit note gives back, line by line, then the shipping, last what is kept as fees."""
    back = [GivenBack(each.description, max(each.quantity, 0), each.net, each.tax) for each in document.lines]
    if document.shipping:
        goods = sum(not line.is_fee for line in document.lines)
        shipping = GivenBack(shipping_label(document), 0, document.shipping.net, document.shipping.tax)
        back.insert(goods, shipping)
    return back


def shipping_label(document: InvoiceDocument) -> str:
    """Return the shipping with its method's name."""
    name = document.shipping.name if document.shipping else ""
    return f"{_('Shipping')} ({name})" if name else _("Shipping")


def sums_of(document: InvoiceDocument) -> list[SumRow]:
    """The sums of an invoice from the subtotal to the total, or those of a credit note."""
    if document.kind == "credit_note":
        return _sums_of_credit_note(document)
    shipping = document.shipping
    sold = SimpleNamespace(
        subtotal=document.subtotal,
        discount=document.discount,
        manual_discount=document.manual_discount,
        discount_reason=document.reason,
        shipping=shipping.amount if shipping else 0,
        shipping_name=shipping.name if shipping else "",
        tax=document.tax,
        total=document.total,
        prices_include_tax=document.prices_include_tax,
    )
    taxes = [TaxTotal(tax.label, tax.taxable, tax.amount, tax.reason) for tax in document.taxes]
    return sum_rows(sold, taxes, coupon_code=document.coupon_code)


def _sums_of_credit_note(document: InvoiceDocument) -> list[SumRow]:
    total = SumRow(_("Total"), document.total, is_total=True)
    if not document.taxes:
        return [total]
    taxes = [SumRow(tax.label, tax.amount, of=tax.taxable) for tax in document.taxes]
    return [SumRow(_("Without tax"), document.net), *taxes, total]
