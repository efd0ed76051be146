"""Our own books held against each other: each rule of docs/money.md as one query over all rows.

A query returns the number of the order, or the name of the row, and what is wrong with it. Amounts are in the minor
unit. Every rule holds whenever a transaction has ended, so that what a query returns is always a fault.
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from billing.models import Difference
from billing.reconciliation import records
from billing.reconciliation.checks import Mismatch, not_judged
from ecommerce.book_queries import QUERIES

logger = logging.getLogger(__name__)
Kind = Difference.Kind

TITLES: dict[str, Promise] = {
    "payment_refunds": gettext_lazy("A payment's refunds add up"),
    "order_charged": gettext_lazy("An order is paid once, with its total"),
    "order_invoice": gettext_lazy("An order's invoice says the same"),
    "payment_invoice": gettext_lazy("A payment is that of its invoice"),
    "ended_refunded": gettext_lazy("Canceled and returned orders were refunded in full"),
    "order_refunded": gettext_lazy("An order's refunded amount is that of its refunds"),
    "invoice_refunded": gettext_lazy("An invoice's refunded amount is that of its credit notes"),
    "refund_credit_note": gettext_lazy("Each refund has its credit note"),
    "credit_note_refund": gettext_lazy("Each credit note has its refund"),
    "open_act": gettext_lazy("What is in flight belongs to an open act"),
    "closed_act": gettext_lazy("What was done has its result"),
    "order_stock": gettext_lazy("An order holds stock while it stands"),
    "order_items": gettext_lazy("Items and lines add up"),
    "order_taxes": gettext_lazy("Taxes add up"),
    "tax_recorded": gettext_lazy("Stripe Tax hears of each sale and refund that it taxed"),
    "refund_allocations": gettext_lazy("Each refund says what it gives back"),
    "cells_refunded": gettext_lazy("Of each line, tax and shipping, the refunds add up"),
    "items_sent": gettext_lazy("Of each item, parcels and returns add up"),
    "order_sent": gettext_lazy("An order's status is that of its items"),
    "coupon_uses": gettext_lazy("A coupon's redemptions are its orders"),
    "stock_below_zero": gettext_lazy("Stock is never below zero"),
    "job_outcome": gettext_lazy("An ended job has one true outcome an order"),
    "numbers": gettext_lazy("No number is issued twice"),
}


@dataclass(frozen=True, slots=True)
class Violation:
    """A row that breaks a rule of the books, and how."""

    rule: str
    subject: str
    what: str
    payment_id: int | None = None

    def __str__(self) -> str:
        return f"{TITLES[self.rule]}: {self.subject}: {self.what}"


def violations() -> Iterator[Violation]:
    """Run every rule. Raise DatabaseError."""
    for rule in QUERIES:
        yield from violations_of(rule)


def violations_of(rule: str) -> list[Violation]:
    """Run one rule over all rows. Raise DatabaseError."""
    with transaction.atomic(), connection.cursor() as cursor:
        # A query over all rows may take longer than a request has.
        cursor.execute("SET LOCAL statement_timeout = 0")
        cursor.execute(QUERIES[rule])
        return [Violation(rule, str(subject), what) for subject, what in cursor.fetchall()]


def check(*, run_id: int, at: datetime) -> None:
    """Record each violation as a difference, and end those that are gone. A rule that fails stops no other one."""
    for rule in QUERIES:
        try:
            found = [_mismatch(each) for each in violations_of(rule)]
        except Exception as error:
            logger.exception("The rule %s could not be checked.", rule)
            records.record([not_judged(f"rule {rule}", repr(error))], run_id=run_id)
            continue
        records.record(found, run_id=run_id)
        gone = records.open_differences().filter(kind=Kind.OWN_BOOKS, rule=rule).exclude(seen_in=run_id)
        records.end(gone, Difference.Outcome.AGREES, at=at)


def _mismatch(violation: Violation) -> Mismatch:
    values = {"rule": TITLES[violation.rule], "subject": violation.subject, "what": violation.what}
    return Mismatch(
        kind=Kind.OWN_BOOKS,
        stripe_id=f"{violation.rule} {violation.subject}"[:255],
        sentence=_("%(rule)s; not so %(subject)s: %(what)s.") % values,
        rule=violation.rule,
    )
