"""Leases on rows that are queues: which process may work on a row now, and when the row is tried next.

Works for every model with `attempts` and `next_attempt_at`: payments, refunds, webhook events, reconciliations, mails,
slices of bulk jobs, deliveries of webhooks. While a process holds a row, `next_attempt_at` lies ahead; a killed process
loses it by doing nothing.
`attempts` names the holder: it rises with each lease, so whoever writes under an old number has lost the row.
All of it by the database's clock (`Now()`): the clocks of two processes may differ, and jump.
"""

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol, TypeVar

from django.db import models, transaction
from django.db.models import F, QuerySet
from django.db.models.expressions import Combinable
from django.db.models.functions import Now

RowT = TypeVar("RowT", bound=models.Model)


class LeasedRow(Protocol):
    """What the functions below need of a row."""

    pk: Any
    attempts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """Waits that double from `first` up to `longest`; `jitter` is the random share of each (1: from 0 to all of it)."""

    first: timedelta
    longest: timedelta
    jitter: float = 1.0

    def wait(self, attempts: int) -> timedelta:
        """Return how long to wait after the attempt of this number."""
        # 20 doublings pass any `longest`; thousands of attempts would overflow.
        longest = min(self.first * (1 << min(attempts, 20)), self.longest)
        return longest * random.uniform(1 - self.jitter, 1)  # noqa: S311 - jitter


LEASE = timedelta(seconds=60)


def claim(rows: QuerySet[RowT], *, limit: int = 1, lease: timedelta = LEASE, **changes: Any) -> list[RowT]:
    """Lease up to `limit` of those `rows` whose next attempt has come, the earliest first; return them as updated.

    `changes` are written with the lease; they must not make a row stop matching `rows`. `leased_at` of each is the
    database's time.
    """
    # A transaction of its own, so that the lease is on disk before the caller calls anybody.
    with transaction.atomic():
        waiting = rows.filter(next_attempt_at__lte=Now()).order_by("next_attempt_at", "pk")
        # Rows that another worker is claiming are skipped, not waited for.
        locked = waiting.select_related(None).select_for_update(skip_locked=True, no_key=True, of=("self",))
        keys = {row.pk for row in locked.only("pk")[:limit]}
        changes |= {"attempts": F("attempts") + 1, "next_attempt_at": Now() + lease}
        rows.model._default_manager.filter(pk__in=keys).update(**changes)  # noqa: SLF001 - Django's public name for it
        # Read before the locks go, while nobody else can change them.
        return list(rows.filter(pk__in=keys).annotate(leased_at=Now()).order_by("pk")) if keys else []


def wake(rows: QuerySet[RowT]) -> int:
    """Have waiting rows tried now, except those that another process may hold; return how many."""
    # A lease ends within LEASE from now: a later attempt is a planned one, and nobody's.
    return rows.filter(next_attempt_at__gt=Now() + LEASE).update(next_attempt_at=Now())


def release(row: LeasedRow, *, next_attempt_at: datetime | Combinable | None, **changes: Any) -> bool:
    """End or extend a lease; False if it was lost, or the row completed by another process, and nothing was written."""
    rows = type(row)._default_manager.filter(pk=row.pk, attempts=row.attempts)  # type: ignore[attr-defined]  # noqa: SLF001
    # A row without a next attempt was completed meanwhile, by a webhook say, and is not to be woken again.
    return bool(rows.exclude(next_attempt_at=None).update(next_attempt_at=next_attempt_at, **changes))


def postpone(row: LeasedRow, *, backoff: Backoff, **changes: Any) -> bool:
    """Give a lease back after a failed attempt; False as for `release`."""
    return release(row, next_attempt_at=Now() + backoff.wait(row.attempts), **changes)
