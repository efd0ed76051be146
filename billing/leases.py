"""Leases on wishes: who may send one now. On disk before the call, given back or run out after it."""

import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

from django.db import transaction
from django.db.models import Case, F, Value, When
from django.db.models.functions import Coalesce
from django.utils import timezone

from billing import gateway
from billing.models import Payment, Refund, StripeOperation

LEASE = timedelta(seconds=60)
LONGEST_WAIT = 45  # seconds; with the sweep's 15 at most, a wish is tried again within a minute

WishT = TypeVar("WishT", bound=StripeOperation)

# What the call needs beside the wish.
ALONG: dict[type[StripeOperation], str] = {Payment: "invoice__customer", Refund: "payment"}


def lease(model: type[WishT], pk: int, *, at: datetime) -> WishT | None:
    """Claim a due wish for a minute, on disk before the call; None if another holds it or nothing is to be done."""
    wishes = model._default_manager  # noqa: SLF001 - Django's public name for it
    claimed = wishes.filter(pk=pk, next_attempt_at__lte=at, closed_at=None).update(**_leased(at))
    return wishes.select_related(ALONG[model]).get(pk=pk) if claimed else None


def lease_refunds(ids: Sequence[int], *, at: datetime) -> list[Refund]:
    """Claim those of these refunds that are due and that nobody else is claiming, each with its payment."""
    with transaction.atomic():
        due = Refund.objects.filter(pk__in=ids, next_attempt_at__lte=at, closed_at=None)
        free = list(due.order_by("pk").select_for_update(skip_locked=True).values_list("pk", flat=True))
        Refund.objects.filter(pk__in=free).update(**_leased(at))
    return list(Refund.objects.filter(pk__in=free).select_related("payment"))


def _leased(at: datetime) -> dict[str, Any]:
    return {
        "attempts": F("attempts") + 1,
        # It is about processes, and runs from now, whenever the act is said to be.
        "next_attempt_at": timezone.now() + LEASE,
        "first_sent_at": Coalesce("first_sent_at", Value(at)),
        # Stripe replays a 5xx under its key: if the look finds nothing, the next post goes out under another.
        "generation": F("generation") + Case(When(answered_5xx=True, then=1), default=0),
        "answered_5xx": False,
    }


def postpone(wish: StripeOperation, trouble: gateway.Unavailable, *, at: datetime) -> None:
    """Give the lease back after no answer: try again after full jitter, at most 45 s from now."""
    wait = random.uniform(0, min(0.5 * 2**wish.attempts, LONGEST_WAIT))  # noqa: S311 - jitter
    type(wish)._default_manager.filter(pk=wish.pk, attempts=wish.attempts, closed_at=None).update(  # noqa: SLF001 - as above
        next_attempt_at=at + timedelta(seconds=wait), answered_5xx=trouble.stored
    )
