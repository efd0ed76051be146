"""The totals of a quote, in the words and order of an invoice."""

from dataclasses import dataclass

from billing.money import format_money
from billing.sums import reasons
from ecommerce.orders.quote_sums import tax_totals, total_rows
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


def shown_totals(quote: Quote) -> list[ShownTotal]:
    """Return the rows but for the total, which stands beside the button."""
    return [
        ShownTotal(label=row.label, amount=format_money(row.amount, quote.currency), is_included=row.is_included)
        for row in total_rows(quote, reason="")
        if not row.is_total
    ]


def tax_reasons(quote: Quote) -> list[str]:
    """Say why rates are 0."""
    return reasons(tax_totals(quote))
