"""Differences as rows: record what a pass found, and end what was found before."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TypeVar

from django.db import transaction
from django.db.models import Exists, Model, OuterRef, Q, QuerySet

from backoffice import database_clock
from backoffice.activity.record import record as record_activity
from backoffice.models import Activity
from billing.models import ComparedObject, Difference, Reconciliation
from billing.reconciliation.checks import Mismatch, not_judged
from billing.results import RefreshStatus
from billing.signals import results_received

Outcome = Difference.Outcome
RowT = TypeVar("RowT", bound=Model)
PAGE = 100
COLUMNS = ("kind", "stripe_id", "sentence", "payment", "order_number", "invoice_number", "rule")


def open_differences() -> QuerySet[Difference]:
    """Differences that have no end yet."""
    return Difference.objects.filter(resolved_at=None).order_by("pk")


def record(mismatches: Iterable[Mismatch], *, run_id: int) -> None:
    """Record each as the one open difference of its object, unless a person has ended just that."""
    now, new, found_again = database_clock.now(), [], []
    for found in mismatches:
        columns = {name: getattr(found, name) for name in COLUMNS} | {"seen_at": now, "seen_in": run_id}
        known = Difference.objects.filter(stripe_id=found.stripe_id, resolved_at=None)
        if known.update(**columns):
            found_again.append(Difference(**columns))
        elif not _ended_by_a_person(found):
            new.append(Difference(**columns, found_at=now))
    Difference.objects.bulk_create(new, ignore_conflicts=True)
    refresh_orders([*new, *found_again])


def _ended_by_a_person(found: Mismatch) -> bool:
    same = Difference.objects.filter(stripe_id=found.stripe_id, kind=found.kind, resolved_at__isnull=False)
    # Of a known one every word counts: should the amount or the status change, it is shown again.
    return same.filter(Q(outcome=Outcome.NOT_OURS) | Q(outcome=Outcome.KNOWN, sentence=found.sentence)).exists()


def end(
    differences: QuerySet[Difference], outcome: Difference.Outcome, *, at: datetime, by: str = "", note: str = ""
) -> int:
    """End open differences; return how many. Call it outside any transaction, since orders are refreshed."""
    ending = list(differences.filter(resolved_at=None))
    ids = [difference.pk for difference in ending]
    still_open = Difference.objects.filter(pk__in=ids, resolved_at=None)
    with transaction.atomic():
        ended = still_open.update(resolved_at=at, outcome=outcome, ended_by=by[:200], note=note)
        if by and ended:  # by a person, who ends them one by one
            record_end(ending[0], outcome, note=note)
    refresh_orders(ending)
    return ended


def record_end(difference: Difference, outcome: Difference.Outcome, *, note: str = "") -> None:
    """Record that a person ended it, in the caller's transaction."""
    record_activity(
        act=Activity.Act.ENDED,
        kind=Activity.Kind.DIFFERENCE,
        obj=difference,
        label=difference.stripe_id,
        changes={"outcome": (None, str(outcome.label))},
        note=note,
    )


def refresh_orders(differences: Iterable[Difference]) -> None:
    """Have the orders show that they need attention, or no longer do."""
    payment_ids = sorted({each.payment_id for each in differences if each.payment_id})
    if payment_ids:
        results = [RefreshStatus(payment_id=payment_id) for payment_id in payment_ids]
        results_received.send(sender=Difference, results=results, at=database_clock.now())


def record_unreadable(run: Reconciliation, unreadable: Sequence[tuple[str, str]]) -> None:
    """Record rows of a page that could not be read."""
    after = run.after or "the beginning"
    found = [
        not_judged(stripe_id or f"{run.phase}: row without an id after {after}", why) for stripe_id, why in unreadable
    ]
    record(found, run_id=run.pk)
    # Odd, but there: our row of it is not missing.
    record_compared(run, (stripe_id for stripe_id, _why in unreadable if stripe_id))


def record_compared(run: Reconciliation, stripe_ids: Iterable[str]) -> None:
    """Note what a row of ours was compared with."""
    rows = [ComparedObject(reconciliation=run, stripe_id=stripe_id) for stripe_id in stripe_ids]
    # A page is compared twice when its worker died before the next one.
    ComparedObject.objects.bulk_create(rows, ignore_conflicts=True)


def not_compared(rows: QuerySet[RowT], run: Reconciliation, column: str) -> list[RowT]:
    """Return the next page of our rows that no object at Stripe was compared with in this pass."""
    compared = ComparedObject.objects.filter(reconciliation=run, stripe_id=OuterRef(column))
    return list(rows.filter(~Exists(compared), pk__gt=int(run.after or 0)).order_by("pk")[:PAGE])
