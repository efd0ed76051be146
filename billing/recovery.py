"""Stripe's return: what waited for Stripe to answer is tried at once, instead of after the waits that had grown."""

import logging
import time

from django.db.models.functions import Now

from billing.models import Payment, Refund, StripeOperation, TaxTransaction

logger = logging.getLogger(__name__)

# One lost answer among many is no outage: the rest is woken at most this often by a process.
WAKE_INTERVAL = 5.0  # seconds
_woken_at = float("-inf")


def note_success(operation: StripeOperation) -> None:
    """Wake all that is postponed where Stripe answered to a leased operation that an earlier attempt had not reached.

    The rate limit spreads the calls.
    """
    global _woken_at  # noqa: PLW0603 - a process-wide pace
    if operation.attempts > 1 and time.monotonic() - _woken_at >= WAKE_INTERVAL:
        _woken_at = time.monotonic()
        wake_postponed()


def wake_postponed() -> None:
    """Make all postponed operations due, once Stripe answers again after an outage."""
    models: tuple[type[Payment | Refund | TaxTransaction], ...] = (Payment, Refund, TaxTransaction)
    for model in models:
        # Whoever has leased one meanwhile has taken the mark off, and keeps its lease.
        waiting = model.objects.filter(postponed=True, closed_at=None, next_attempt_at__gt=Now())
        woken = waiting.update(next_attempt_at=Now())
        if woken:
            logger.info("Stripe answers again: %d of %s are tried now.", woken, model._meta.verbose_name_plural)  # noqa: SLF001
