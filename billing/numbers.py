"""Numbers of invoices and credit notes, without gaps, and what is frozen with them: seller and exchange rate.

One statement for all of it, since every order waits for the counter's row: that stays locked until the transaction
ends, so that a rollback leaves no gap.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal

from django.db import connection

from billing.tax_report import shop_zone

TAKE = """
WITH seller AS (
    SELECT version_id, invoice_prefix, credit_note_prefix, year_in_numbers, currency FROM billing_seller WHERE id = 1
), counted AS (
    INSERT INTO billing_counter AS known (name, value) VALUES (%(kind)s, %(count)s)
    ON CONFLICT (name) DO UPDATE SET value = known.value + excluded.value RETURNING value
)
SELECT c.value, s.version_id, s.{kind}_prefix, s.year_in_numbers,
       CASE WHEN s.currency <> %(currency)s THEN s.currency END, r.rate, r.source
FROM counted c LEFT JOIN seller s ON true LEFT JOIN LATERAL (
    SELECT rate, source FROM billing_exchangerate
    WHERE currency = %(currency)s AND to_currency = s.currency AND day <= %(day)s ORDER BY day DESC LIMIT 1
) r ON true
"""
PREFIXES = {"invoice": "INV-", "credit_note": "CN-"}
"""Those of a shop whose row of the seller is gone: a setting never keeps an order from being paid."""

NUMBER = re.compile(r"\D+(?:\d{4}-)?(\d{1,15})", re.ASCII)
"""A number with whatever prefix and year; the group is its place in the count."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenNumbers:
    """Consecutive numbers, and the version of the seller that goes with them.

    `seller_currency` is empty where the books are kept in the same currency, or nobody has said in which; the rate is
    None where there is none.
    """

    numbers: list[str]
    seller_version: int | None
    seller_currency: str
    exchange_rate: Decimal | None
    exchange_rate_source: str


def take_numbers(
    kind: Literal["invoice", "credit_note"], count: int = 1, *, at: datetime, currency: str = ""
) -> TakenNumbers:
    """Take the next numbers of invoices or credit notes, and read what one unit of `currency` is worth that day."""
    day = at.astimezone(shop_zone()).date()
    with connection.cursor() as cursor:
        values = {"kind": kind, "count": count, "currency": currency, "day": day}
        cursor.execute(TAKE.format(kind=kind), values)
        last, version, prefix, with_year, seller_currency, rate, source = cursor.fetchone()
    beginning = (prefix or PREFIXES[kind]) + (f"{day.year}-" if with_year else "")
    return TakenNumbers(
        numbers=[f"{beginning}{number:06}" for number in range(last - count + 1, last + 1)],
        seller_version=version,
        seller_currency=(seller_currency or "") if currency else "",
        exchange_rate=rate,
        exchange_rate_source=source or "",
    )
