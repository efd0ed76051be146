"""Freezing a selection: the very orders of a job, as arrays of ids, in one statement."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connection, transaction
from django.db.models import QuerySet

from backoffice.advisory_locks import LockSpace, lock_in_transaction
from customers.actors import Actor
from ecommerce.models import BulkJob, BulkJobSlice

SLICE = 500  # one transaction; a million ids become 2,000 rows in under a second

FREEZE = """
INSERT INTO ecommerce_bulkjobslice (job_id, number, order_ids, next_attempt_at, attempts, done, skipped, failed)
SELECT %s, number, array_agg(id ORDER BY id), %s, 0, 0, 0, 0
FROM (SELECT found.id, (row_number() OVER (ORDER BY found.id) - 1) / %s AS number FROM ({}) found(id)) numbered
GROUP BY number ORDER BY number
"""


class SelectionChanged(Exception):
    """There is no order in the selection any more, or not as many as were confirmed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewJob:
    """What is wanted: `orders` is any queryset whose one column `ids` names holds orders' ids.

    `selection` says in words, under "words", what was selected; `expected` is how many orders were confirmed, where
    they were not named one by one. `confirmation` names the page that was confirmed: its button pressed twice gives
    the same job.
    """

    action: BulkJob.Action
    orders: QuerySet[Any]
    ids: str = "pk"
    selection: Mapping[str, Any] = field(default_factory=dict)
    reason: str = ""
    restock: bool = True
    retry_of: BulkJob | None = None
    expected: int | None = None
    confirmation: str = ""


def start(*, wanted: NewJob, by: Actor, at: datetime) -> BulkJob:
    """Make a job of the orders as they are selected now; raise SelectionChanged. The caller rings."""
    confirmation = f"{by.user_id}:{wanted.confirmation}"[:80] if wanted.confirmation else None
    with transaction.atomic():
        confirmed = _confirmed_before(confirmation)
        if confirmed:
            return confirmed
        job = BulkJob.objects.create(
            confirmation=confirmation,
            action=wanted.action,
            selection=dict(wanted.selection),
            reason=wanted.reason,
            restock=wanted.restock,
            retry_of=wanted.retry_of,
            total=0,
            created_at=at,
            rights_of_id=by.user_id,
            **by.columns,
        )
        job.total = _freeze(job, wanted, at=at)
        job.save(update_fields=["total"])
        if not job.total or wanted.expected not in {None, job.total}:
            raise SelectionChanged
    return job


def _confirmed_before(confirmation: str | None) -> BulkJob | None:
    if confirmation is None:
        return None
    # Whoever presses the same button at once waits here, and then finds the first one's job.
    lock_in_transaction(LockSpace.CONFIRMATION, confirmation)
    return BulkJob.objects.filter(confirmation=confirmation).first()


def _freeze(job: BulkJob, wanted: NewJob, *, at: datetime) -> int:
    try:
        sql, params = wanted.orders.order_by().values_list(wanted.ids).query.sql_with_params()
    except EmptyResultSet:  # Django sees without asking that nothing can match
        return 0
    with connection.cursor() as cursor:
        cursor.execute(FREEZE.format(sql), [job.pk, at, SLICE, *params])
        cursor.execute(
            "SELECT COALESCE(SUM(cardinality(order_ids)), 0) FROM ecommerce_bulkjobslice WHERE job_id = %s", [job.pk]
        )
        (total,) = cursor.fetchone() or (0,)
    return int(total)


def copy_slices(job: BulkJob, *, of: BulkJob, at: datetime) -> None:
    """Give a job the slices of another."""
    for each in of.slices.order_by("number").iterator(chunk_size=100):
        BulkJobSlice.objects.create(job=job, number=each.number, order_ids=each.order_ids, next_attempt_at=at)
