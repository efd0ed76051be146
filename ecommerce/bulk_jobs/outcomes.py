"""What became of each order of a job, and what that adds up to."""

from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.models import Count, Q, Sum
from django.utils.functional import cached_property

from ecommerce.models import BulkJob, BulkJobItem, BulkJobSlice
from ecommerce.models.order import array_of

Status = BulkJobItem.Status

# An item that has its outcome keeps it. One that goes on waiting did not harm its worker.
WRITE = """
INSERT INTO ecommerce_bulkjobitem (job_id, slice_id, order_id, status, reason, act_id, attempts)
SELECT %s, %s, given.order_id, %s, given.reason, given.act_id, 0 FROM {given}
ON CONFLICT (job_id, order_id) DO UPDATE
SET status = EXCLUDED.status, reason = EXCLUDED.reason, act_id = EXCLUDED.act_id, attempts = 0
WHERE ecommerce_bulkjobitem.status = 'pending'
"""
TOLD = WRITE.format(given="unnest(%s::bigint[], %s::text[], %s::bigint[]) AS given(order_id, reason, act_id)")
PLAIN = WRITE.format(given="(SELECT unnest(%s::bigint[]) AS order_id, '' AS reason, NULL::bigint AS act_id) given")
# The slices in the order of their keys, without those that somebody is at.
COUNT = """
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
    """What became of one order for now; `act` is what it waits for while working."""

    order_id: int
    status: BulkJobItem.Status
    reason: str = ""
    act_id: int | None = None


def write(part: BulkJobSlice, outcomes: Sequence[Outcome]) -> None:
    """Write outcomes of a slice, in the transaction that changed its orders."""
    by_status = defaultdict[BulkJobItem.Status, list[Outcome]](list)
    for each in outcomes:
        by_status[each.status].append(each)
    for status, alike in by_status.items():
        _write(part, status, alike)


def _write(part: BulkJobSlice, status: BulkJobItem.Status, outcomes: Sequence[Outcome]) -> None:
    common: list[Any] = [part.job_id, part.pk, status.value, array_of(each.order_id for each in outcomes)]
    reasons, acts = [each.reason for each in outcomes], [each.act_id for each in outcomes]
    with connection.cursor() as cursor:
        if any(reasons) or any(acts):
            cursor.execute(TOLD, [*common, reasons, acts])
        else:
            cursor.execute(PLAIN, common)


def count(job: BulkJob) -> None:
    """Count the slices that are under way, and close those where each order has its outcome."""
    with connection.cursor() as cursor:
        cursor.execute(COUNT, [job.pk])


def sums_of(jobs: Collection[BulkJob]) -> dict[int, Counter[str]]:
    """Add up, by job, how many orders have which status now: in two queries, however many jobs."""
    sums = {job.pk: Counter[str]() for job in jobs}
    slices = BulkJobSlice.objects.filter(job__in=jobs)
    closed = slices.filter(Q(next_attempt_at=None) | Q(expanded_at=None)).values_list("job").order_by()
    for job, done, skipped, failed in closed.annotate(Sum("done"), Sum("skipped"), Sum("failed")):
        sums[job].update({"done": done, "skipped": skipped, "failed": failed})
    # Slices under way are few, and their items tell the truth at every moment.
    under_way = BulkJobItem.objects.filter(
        slice__in=slices.filter(next_attempt_at__isnull=False, expanded_at__isnull=False)
    )
    for job, status, number in under_way.values_list("job", "status").annotate(Count("pk")).order_by():
        sums[job][status] += number
    return sums


class Progress:
    """How far a job is, as its rows say now; `sums` are those of `sums_of`, where they are known."""

    def __init__(self, job: BulkJob, sums: Counter[str] | None = None) -> None:
        sums = sums_of([job])[job.pk] if sums is None else sums
        self.total = job.total
        self.done = sums["done"]
        self.skipped = sums["skipped"]
        self.failed = sums["failed"]
        self.working = sums["working"]

    @cached_property
    def ended(self) -> int:
        """Give how many have their outcome."""
        return self.done + self.skipped + self.failed

    @property
    def left(self) -> int:
        """Give how many have none yet."""
        return max(0, self.total - self.ended)

    @property
    def percent(self) -> int:
        """Give the share that has its outcome, as a whole number."""
        return 100 * self.ended // self.total if self.total else 100
