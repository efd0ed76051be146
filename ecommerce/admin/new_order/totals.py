"""The totals of a quote, in the words and order of an invoice."""

from dataclasses import dataclass
from types import SimpleNamespace

from billing.money import format_money
from billing.sums import SumRow, TaxTotal, reasons, sum_rows, tax_label
from ecommerce.orders.quotes import Quote, QuotedLine


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownLine:
    """An item with what is taken off it by hand; `off` is empty for nothing."""

    quantity: int
    description: str
    off: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownTotal:
    """A row under the items."""

    label: str
    amount: str
    is_included: bool


def shown_lines(quote: Quote) -> list[ShownLine]:
    return [_shown_line(line, quote.currency) for line in quote.lines]


def _shown_line(line: QuotedLine, currency: str) -> ShownLine:
    off = line.priced.manual_discount
    return ShownLine(
        quantity=line.quantity,
        description=line.description,
        off=format_money(-off, currency) if off else "",
    )


def total_rows(quote: Quote, *, reason: str) -> list[SumRow]:
    """Return the rows from the subtotal on, the total among them; included taxes stand below it."""
    totals = quote.totals
    sold = SimpleNamespace(
        subtotal=totals.subtotal,
        discount=totals.discount,
        manual_discount=totals.manual_discount,
        discount_reason=reason,
        shipping=totals.shipping,
        shipping_name=quote.shipping_name,
        tax=totals.tax,
        total=totals.total,
        prices_include_tax=totals.prices_include_tax,
    )
    return sum_rows(sold, tax_totals(quote), coupon_code=quote.coupon.code if quote.coupon else "")


def shown_totals(quote: Quote) -> list[ShownTotal]:
    """Return the rows but for the total, which stands beside the button."""
    return [
        ShownTotal(label=row.label, amount=format_money(row.amount, quote.currency), is_included=row.is_included)
        for row in total_rows(quote, reason="")
        if not row.is_total
    ]


def tax_totals(quote: Quote) -> list[TaxTotal]:
    """Return each tax of a quote once, over all items and the shipping."""
    return [
        TaxTotal(
            tax_label(SimpleNamespace(name=each.tax.name, rate=each.tax.percent)),
            each.taxable,
            each.amount,
            each.tax.reason,
        )
        for each in quote.totals.taxes
    ]


def tax_reasons(quote: Quote) -> list[str]:
    """Say why rates are 0."""
    return reasons(tax_totals(quote))
