"""The sums of a quote, in the words and order of an invoice."""

from types import SimpleNamespace

from billing.sums import SumRow, TaxTotal, sum_rows, tax_label
from ecommerce.orders.quotes import Quote


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
