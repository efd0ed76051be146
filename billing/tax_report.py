"""Tax by month, country, rate and currency: that of the invoices paid, less that of the credit notes issued."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import connection

from billing.models import CreditNote, InvoiceTax
from billing.sums import tax_label

# Of each paid invoice, in the month of its payment; a void or open one has none.
SOLD = """
SELECT date_trunc('month', i.paid_at AT TIME ZONE %(zone)s)::date AS month,
       t.country, t.region, t.name, t.rate, t.category, i.currency, sum(t.taxable) AS taxable, sum(t.amount) AS tax
FROM billing_invoice i JOIN billing_invoicetax t ON t.invoice_id = i.id
WHERE i.paid_at >= %(since)s AND i.paid_at < %(until)s
GROUP BY 1, 2, 3, 4, 5, 6, 7
"""

# What each credit note gives back of each tax, and of what that is charged on: the allocations name the tax alone. A
# shipping of several rates gives back of each by its share of the price, rounded so that the parts add up to what this
# note gives back, and all notes together to what was taxed: hence the sums `upto` and `after`. Fees are sales, kept of
# what goes back.
CREDITED = """
WITH shown AS (
    SELECT n.invoice_id FROM billing_creditnote n WHERE {shown}
), notes AS (
    SELECT n.id, n.invoice_id, n.refund_id, n.issued_at FROM billing_creditnote n
    WHERE n.invoice_id IN (SELECT invoice_id FROM shown) AND (n.voided_at IS NULL OR n.id = %(note)s)
), taxes AS (
    SELECT t.*, i.currency,
           CASE WHEN t.line_id IS NOT NULL THEN l.amount - l.discount ELSE i.shipping END
           - CASE WHEN i.prices_include_tax THEN COALESCE(l.tax, i.shipping_tax) ELSE 0 END AS net,
           sum(t.taxable) OVER (PARTITION BY t.invoice_id, t.line_id ORDER BY t.id) AS upto
    FROM billing_invoicetax t JOIN billing_invoice i ON i.id = t.invoice_id
    LEFT JOIN billing_invoiceline l ON l.id = t.line_id
    WHERE t.invoice_id IN (SELECT invoice_id FROM shown)
), goods AS (
    SELECT n.id AS note, n.invoice_id, n.issued_at, a.invoice_line_id, a.amount,
           sum(a.amount) OVER (PARTITION BY n.invoice_id, a.invoice_line_id ORDER BY n.id) AS after
    FROM notes n JOIN billing_refundallocation a ON a.refund_id = n.refund_id
    WHERE a.invoice_tax_id IS NULL AND a.amount > 0
), credited AS (
    SELECT g.note, g.issued_at, t.id AS tax_id,
           round(g.after * t.upto / t.net) - round(g.after * (t.upto - t.taxable) / t.net)
           - round((g.after - g.amount) * t.upto / t.net)
           + round((g.after - g.amount) * (t.upto - t.taxable) / t.net) AS taxable,
           0 AS tax
    FROM goods g JOIN taxes t ON t.invoice_id = g.invoice_id AND t.line_id IS NOT DISTINCT FROM g.invoice_line_id
    UNION ALL
    SELECT n.id, n.issued_at, a.invoice_tax_id, 0, a.amount
    FROM notes n JOIN billing_refundallocation a ON a.refund_id = n.refund_id WHERE a.invoice_tax_id IS NOT NULL
    UNION ALL
    SELECT n.id, n.issued_at, f.invoice_tax_id, f.tax - f.amount, -f.tax
    FROM notes n JOIN billing_refundfee f ON f.refund_id = n.refund_id WHERE f.invoice_tax_id IS NOT NULL
)
"""
BY_MONTH = """
SELECT date_trunc('month', c.issued_at AT TIME ZONE %(zone)s)::date AS month,
       t.country, t.region, t.name, t.rate, t.category, t.currency, sum(c.taxable) AS taxable, sum(c.tax) AS tax
FROM credited c JOIN taxes t ON t.id = c.tax_id
WHERE c.issued_at >= %(since)s AND c.issued_at < %(until)s
GROUP BY 1, 2, 3, 4, 5, 6, 7
"""
BY_TAX = """
SELECT t.id, sum(c.taxable), sum(c.tax) FROM credited c JOIN taxes t ON t.id = c.tax_id WHERE c.note = %(note)s
GROUP BY t.id
"""
OF_MONTHS = "n.voided_at IS NULL AND n.issued_at >= %(since)s AND n.issued_at < %(until)s"
OF_NOTE = "n.id = %(note)s"


@dataclass(slots=True, kw_only=True)
class TaxReportRow:
    """One tax in one month and currency; amounts in the minor unit. `month` is its first day."""

    month: date
    country: str
    region: str
    name: str
    rate: Decimal
    category: str
    currency: str
    sold: int = 0
    sold_tax: int = 0
    credited: int = 0
    credited_tax: int = 0

    @property
    def taxable(self) -> int:
        """What is taxed: sales less credit notes."""
        return self.sold - self.credited

    @property
    def tax(self) -> int:
        """The tax of sales less that of credit notes."""
        return self.sold_tax - self.credited_tax

    @property
    def label(self) -> str:
        """Name and rate."""
        return tax_label(InvoiceTax(name=self.name, rate=self.rate))


KEY = ("month", "country", "region", "name", "rate", "category", "currency")


def month_of(at: datetime) -> date:
    """Return the first day of the month in the shop's time zone."""
    return at.astimezone(shop_zone()).date().replace(day=1)


def shop_zone() -> ZoneInfo:
    """The zone in which the shop closes its months."""
    return ZoneInfo(settings.TIME_ZONE)


def next_month(month: date) -> date:
    """Return the first day of the month after."""
    return date(month.year + month.month // 12, month.month % 12 + 1, 1)


def tax_report(*, first: date, last: date) -> list[TaxReportRow]:
    """Return the rows of some months, given by their first days, the last included; the newest month first."""
    bounds = {
        "zone": settings.TIME_ZONE,
        "since": datetime(first.year, first.month, 1, tzinfo=shop_zone()),
        "until": datetime.combine(next_month(last), datetime.min.time(), tzinfo=shop_zone()),
        "note": None,
    }
    rows: dict[tuple[Any, ...], TaxReportRow] = {}
    for *key, taxable, tax in _rows(SOLD, bounds):
        row = _row(rows, key)
        row.sold, row.sold_tax = int(taxable), int(tax)
    for *key, taxable, tax in _rows(CREDITED.format(shown=OF_MONTHS) + BY_MONTH, bounds):
        row = _row(rows, key)
        row.credited, row.credited_tax = int(taxable), int(tax)
    # Sorted twice: by all of the key, then the newest month first.
    return sorted([rows[key] for key in sorted(rows)], key=lambda row: row.month, reverse=True)


def _row(rows: dict[tuple[Any, ...], TaxReportRow], key: Sequence[Any]) -> TaxReportRow:
    return rows.setdefault(tuple(key), TaxReportRow(**dict(zip(KEY, key, strict=True))))


def credited_of(note: CreditNote) -> dict[int, tuple[int, int]]:
    """What a credit note gives back, less its fees: of what is taxed, and of the tax, by the invoice's tax."""
    rows = _rows(CREDITED.format(shown=OF_NOTE) + BY_TAX, {"note": note.pk})
    return {pk: (int(taxable), int(tax)) for pk, taxable, tax in rows}


def _rows(sql: str, parameters: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return list(cursor.fetchall())
