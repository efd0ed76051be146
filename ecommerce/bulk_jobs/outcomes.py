"""The outcome of each order of a job, and the counts of outcomes."""

from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.models import Count, Q, Sum
from django.utils.functional import cached_property

from ecommerce.models import BulkJob, BulkJobItem, BulkJobSlice
from ecommerce.models.id_arrays import array_of

Status = BulkJobItem.Status

# Only pending items change: an outcome is final. `attempts` counts crashes, and this order caused none.
WRITE = """
INSERT INTO ecommerce_bulkjobitem (job_id, slice_id, order_id, status, reason, act_id, attempts)
SELECT %s, %s, given.order_id, %s, given.reason, given.act_id, 0 FROM {given}
ON CONFLICT (job_id, order_id) DO UPDATE
SET status = EXCLUDED.status, reason = EXCLUDED.reason, act_id = EXCLUDED.act_id, attempts = 0
WHERE ecommerce_bulkjobitem.status = 'pending'
"""
WRITE_WITH_REASONS = WRITE.format(
    given="unnest(%s::bigint[], %s::text[], %s::bigint[]) AS given(order_id, reason, act_id)"
)
# Most slices have neither reasons nor acts: psycopg need not look at each of 500 empty values.
WRITE_STATUS_ONLY = WRITE.format(
    given="(SELECT unnest(%s::bigint[]) AS order_id, '' AS reason, NULL::bigint AS act_id) given"
)
# Locked in the order of their keys, as everywhere; a slice that another worker has locked is counted by that one.
UPDATE_COUNTS = """
WITH open AS (
    SELECT id FROM ecommerce_bulkjobslice WHERE job_id = %s AND next_attempt_at IS NOT NULL AND expanded_at IS NOT NULL
    ORDER BY id FOR NO KEY UPDATE SKIP LOCKED
), counted AS (
    SELECT slice_id, COUNT(*) FILTER (WHERE status = 'done') AS done,
        COUNT(*) FILTER (WHERE status = 'skipped') AS skipped, COUNT(*) FILTER (WHERE status = 'failed') AS failed,
        COUNT(*) FILTER (WHERE status IN ('pending', 'working')) AS waiting
    FROM ecommerce_bulkjobitem WHERE slice_id IN (SELECT id FROM open) GROUP BY slice_id
)
UPDATE ecommerce_bulkjobslice s
SET done = c.done, skipped = c.skipped, failed = c.failed,
    next_attempt_at = CASE WHEN c.waiting > 0 THEN s.next_attempt_at END
FROM counted c WHERE s.id = c.slice_id
"""


@dataclass(frozen=True, slots=True)
class Outcome:
    """Final where the status is done, skipped or failed; a working order waits for the act `act_id`."""

    order_id: int
    status: BulkJobItem.Status
    reason: str = ""
    act_id: int | None = None


def write(job_slice: BulkJobSlice, outcomes: Sequence[Outcome]) -> None:
    """Write the items of a slice, in the transaction that changed its orders."""
    by_status = defaultdict[BulkJobItem.Status, list[Outcome]](list)
    for outcome in outcomes:
        by_status[outcome.status].append(outcome)
    for status, group in by_status.items():
        _write(job_slice, status, group)


def _write(job_slice: BulkJobSlice, status: BulkJobItem.Status, outcomes: Sequence[Outcome]) -> None:
    ids = array_of(outcome.order_id for outcome in outcomes)
    common: list[Any] = [job_slice.job_id, job_slice.pk, status.value, ids]
    reasons, acts = [outcome.reason for outcome in outcomes], [outcome.act_id for outcome in outcomes]
    with connection.cursor() as cursor:
        if any(reasons) or any(acts):
            cursor.execute(WRITE_WITH_REASONS, [*common, reasons, acts])
        else:
            cursor.execute(WRITE_STATUS_ONLY, common)


def update_counts(job: BulkJob) -> None:
    """Count the items of the open slices, and close those slices whose orders all have a final outcome."""
    with connection.cursor() as cursor:
        cursor.execute(UPDATE_COUNTS, [job.pk])


def counts_by_job(jobs: Collection[BulkJob]) -> dict[int, Counter[str]]:
    """How many orders have which status now, in two queries however many jobs."""
    counts = {job.pk: Counter[str]() for job in jobs}
    slices = BulkJobSlice.objects.filter(job__in=jobs)
    # Closed slices are many, and hold their counts. Those of an export have no items at all.
    closed = slices.filter(Q(next_attempt_at=None) | Q(expanded_at=None)).values_list("job").order_by()
    for job, done, skipped, failed in closed.annotate(Sum("done"), Sum("skipped"), Sum("failed")):
        counts[job].update({"done": done, "skipped": skipped, "failed": failed})
    # Open slices are few; their items are exact, while their counts may be a second old.
    open_slices = slices.filter(next_attempt_at__isnull=False, expanded_at__isnull=False)
    items = BulkJobItem.objects.filter(slice__in=open_slices).values_list("job", "status")
    for job, status, number in items.annotate(Count("pk")).order_by():
        counts[job][status] += number
    return counts


def waiting_for_users(job: BulkJob) -> int:
    """Count the orders whose refund is not tried again by itself, so that the job can't end without a user."""
    working = BulkJobItem.objects.filter(job=job, status=Status.WORKING)
    return working.exclude(act__refund__attention="").exclude(act__refund=None).count()


class Progress:
    """How far a job is, as its rows say now; `counts` are its `counts_by_job`, where the caller has them."""

    def __init__(self, job: BulkJob, counts: Counter[str] | None = None) -> None:
        counts = counts_by_job([job])[job.pk] if counts is None else counts
        self.total = job.total
        self.done = counts["done"]
        self.skipped = counts["skipped"]
        self.failed = counts["failed"]
        self.working = counts["working"]

    @cached_property
    def ended(self) -> int:
        """How many orders have their outcome."""
        return self.done + self.skipped + self.failed

    @property
    def left(self) -> int:
        """How many orders have no outcome yet."""
        return max(0, self.total - self.ended)

    @property
    def percent(self) -> int:
        """The share of orders with an outcome, as a whole number from 0 to 100."""
        return 100 * self.ended // self.total if self.total else 100
