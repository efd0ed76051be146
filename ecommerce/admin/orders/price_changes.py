"""What has changed in the price of an order since it was placed, row by row."""

from dataclasses import dataclass

from billing.money import format_money
from billing.sums import SumRow, sum_rows, tax_totals
from ecommerce.models import Order
from ecommerce.orders.quote_sums import total_rows
from ecommerce.orders.quotes import Quote


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceChange:
    """A row that is another one now; empty where there was or is none."""

    label: str
    was: str
    now: str


def price_changes(order: Order, quote: Quote) -> list[PriceChange]:
    """Return the rows that differ, the total last; none where all is as it was."""
    coupon = order.coupon.code if order.coupon else ""
    was = _by_label(sum_rows(order, tax_totals(order.tax_lines.order_by("pk")), coupon_code=coupon))
    now = _by_label(total_rows(quote, reason=order.discount_reason))
    labels = sorted(dict.fromkeys([*was, *now]), key=lambda label: label in now and now[label].is_total)
    return [
        PriceChange(label=label, was=_money(was.get(label), order.currency), now=_money(now.get(label), quote.currency))
        for label in labels
        if _amount(was.get(label)) != _amount(now.get(label))
    ]


def _by_label(rows: list[SumRow]) -> dict[str, SumRow]:
    return {row.label: row for row in rows}


def _amount(row: SumRow | None) -> int | None:
    return row.amount if row else None


def _money(row: SumRow | None, currency: str) -> str:
    return format_money(row.amount, currency) if row else ""
