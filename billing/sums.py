"""What orders, invoices and credit notes say of discounts, shipping, taxes and refunds, as their readers see it."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from billing.models import InvoiceLine, InvoiceTax, RefundAllocation, RefundFee

# The lines and sums of an order and of an invoice have the same names.
Sold = Any
Tax = Any


@dataclass(frozen=True, slots=True)
class TaxTotal:
    """One tax over all that it is charged on; amounts in the minor unit. `reason` says why its rate is 0."""

    label: str
    taxable: int
    amount: int
    reason: str


@dataclass(frozen=True, slots=True)
class SumRow:
    """A row under the lines. `of` is what a tax is charged on, empty for what is no tax."""

    label: str
    amount: int
    of: int | None = None
    is_total: bool = False
    is_included: bool = False


@dataclass(frozen=True, slots=True)
class GivenBack:
    """What a refund gives back of one line, or of the shipping: its price without taxes, and its taxes.

    A fee that is kept of it is below zero.
    """

    label: str
    quantity: int
    net: int
    tax: int

    @property
    def total(self) -> int:
        """The price with its taxes, in the minor unit."""
        return self.net + self.tax


def tax_label(tax: Tax) -> str:
    """Return its name with its rate, for example "VAT 19 %"."""
    rate = _("%(rate)s %%") % {"rate": f"{tax.rate.normalize():f}"}
    # Stripe's names, and some of staff's own, say the rate already.
    return tax.name if rate.replace(" ", "") in tax.name.replace(" ", "") else f"{tax.name} {rate}"


def tax_totals(taxes: Iterable[Tax]) -> list[TaxTotal]:
    """Add up the taxes of all lines and of the shipping, tax by tax, in the order in which they first come."""
    taxable, amounts = Counter[tuple[object, ...]](), Counter[tuple[object, ...]]()
    named: dict[tuple[object, ...], Tax] = {}
    for tax in taxes:
        key = (tax.country, tax.region, tax.name, tax.rate, tax.category, tax.reason)
        named.setdefault(key, tax)
        taxable[key] += tax.taxable
        amounts[key] += tax.amount
    return [TaxTotal(tax_label(tax), taxable[key], amounts[key], tax.reason) for key, tax in named.items()]


def rates(taxes: Iterable[Tax]) -> str:
    """The taxes of one line in short."""
    return ", ".join(tax_label(tax) for tax in taxes)


def sum_rows(sold: Sold, taxes: Sequence[TaxTotal], *, coupon_code: str) -> list[SumRow]:
    """The sums from the subtotal to the total; taxes that the prices include stand below it. What is 0 is left out."""
    coupon = sold.discount - sold.manual_discount
    rows = [SumRow(_("Subtotal"), sold.subtotal)]
    if sold.manual_discount:
        rows.append(SumRow(_named(_("Discount by agreement"), sold.discount_reason), -sold.manual_discount))
    if coupon:
        rows.append(SumRow(_named(_("Discount"), coupon_code), -coupon))
    if sold.shipping or sold.shipping_name:
        rows.append(SumRow(_named(_("Shipping"), sold.shipping_name), sold.shipping))
    of_taxes = [_tax_row(each, included=sold.prices_include_tax) for each in taxes]
    if sold.tax and not taxes:
        of_taxes = [SumRow(_("Tax"), sold.tax, is_included=sold.prices_include_tax)]
    total = SumRow(_("Total"), sold.total, is_total=True)
    return [*rows, total, *of_taxes] if sold.prices_include_tax else [*rows, *of_taxes, total]


def _named(label: str, name: str) -> str:
    return f"{label} ({name})" if name else label


def _tax_row(tax: TaxTotal, *, included: bool) -> SumRow:
    label = _("Included: %(tax)s") % {"tax": tax.label} if included else tax.label
    return SumRow(label, tax.amount, of=tax.taxable, is_included=included)


def reasons(taxes: Sequence[TaxTotal]) -> list[str]:
    """Why rates are 0, each once: what the law wants said on the document."""
    return list(dict.fromkeys(tax.reason for tax in taxes if tax.reason))


def by_line(taxes: Iterable[InvoiceTax]) -> dict[int | None, list[InvoiceTax]]:
    """The taxes of each line by its key; None has those of the shipping."""
    found: dict[int | None, list[InvoiceTax]] = {}
    for tax in taxes:
        found.setdefault(tax.line_id, []).append(tax)
    return found


def given_back(
    allocations: Iterable[RefundAllocation],
    lines: Iterable[InvoiceLine],
    fees: Iterable[RefundFee],
    *,
    shipping_name: str,
) -> list[GivenBack]:
    """What a refund gives back, line by line, then the shipping, last what is kept as fees."""
    quantities, net, tax = Counter[int | None](), Counter[int | None](), Counter[int | None]()
    for each in allocations:
        quantities[each.invoice_line_id] += each.quantity
        amounts = tax if each.invoice_tax_id else net
        amounts[each.invoice_line_id] += each.amount
    labels: list[tuple[int | None, str]] = [(line.pk, line.description) for line in lines]
    labels.append((None, _named(_("Shipping"), shipping_name)))
    touched = {*quantities, *net, *tax}
    back = [GivenBack(label, quantities[line], net[line], tax[line]) for line, label in labels if line in touched]
    return back + [GivenBack(fee.name, 0, -fee.net, -fee.tax) for fee in fees]


def taxes_given_back(
    allocations: Iterable[RefundAllocation], taxes: Iterable[InvoiceTax], fees: Iterable[RefundFee]
) -> list[tuple[str, int]]:
    """What a refund gives back of each tax, less that of its fees: its label, and the amount in the minor unit."""
    back = Counter[int | None]()
    for each in allocations:
        back[each.invoice_tax_id] += each.amount
    for fee in fees:
        back[fee.invoice_tax_id] -= fee.tax
    amounts = Counter[str]()
    for tax in taxes:
        if back[tax.pk]:
            amounts[tax_label(tax)] += back[tax.pk]
    return list(amounts.items())


def refunded_of(line: InvoiceLine, taxes: Iterable[InvoiceTax]) -> int:
    """All that was given back of a line, with its taxes, in the minor unit."""
    return line.refunded + sum(tax.refunded for tax in taxes)
