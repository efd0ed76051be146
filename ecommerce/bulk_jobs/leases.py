"""Who works on what now: a job's heartbeat, and the leases on its slices."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from ecommerce.models import BulkJob, BulkJobItem, BulkJobSlice

Status = BulkJob.Status
OPEN = (Status.QUEUED, Status.RUNNING, Status.STOPPING)
LEASE = timedelta(seconds=40)  # with the sweep's 15 and a beat of 12, a killed worker's slice is taken within 75
BEAT = timedelta(seconds=1)
SILENT = timedelta(seconds=12)  # less than the 15 between two sweeps
AGAIN = timedelta(seconds=5)  # until an order that something else is in flight with is looked at again


def heartbeat(job_id: int, *, at: datetime) -> BulkJob | None:
    """Tell all that a worker is at this job; give it as it is now, or None once it is over."""
    job = BulkJob.objects.filter(pk=job_id, status__in=OPEN).select_related("rights_of").first()
    if job is None:
        return None
    if job.status == Status.QUEUED:
        BulkJob.objects.filter(pk=job_id, status=Status.QUEUED).update(
            status=Status.RUNNING, started_at=job.started_at or at, beat_at=at
        )
        return heartbeat(job_id, at=at)
    if job.beat_at is None or at - job.beat_at >= BEAT:
        with transaction.atomic():
            without_sync_commit()
            BulkJob.objects.filter(pk=job_id).update(beat_at=at)
    return job


def unattended(*, at: datetime) -> QuerySet[BulkJob]:
    """Give the jobs that nobody works on, although they are not over."""
    silent = Q(beat_at=None) | Q(beat_at__lte=at - SILENT)
    return BulkJob.objects.filter(silent, status__in=OPEN).order_by("pk")


def claim(job: BulkJob, *, at: datetime) -> BulkJobSlice | None:
    """Take a slice that is due, for as long as the lease runs; None if there is none."""
    with transaction.atomic():
        without_sync_commit()
        due = job.slices.filter(next_attempt_at__lte=at).order_by("next_attempt_at")
        part = due.select_for_update(skip_locked=True, no_key=True).first()
        if part:
            part.attempts += 1
            part.next_attempt_at = at + LEASE
            part.save(update_fields=["attempts", "next_attempt_at"])
    return part


def still_ours(part: BulkJobSlice) -> bool:
    """Lock a slice, after its orders, and tell whether it is as it was when we took it."""
    now = BulkJobSlice.objects.select_for_update(no_key=True).filter(pk=part.pk).first()
    return now is not None and (now.attempts, now.expanded_at) == (part.attempts, part.expanded_at)


def renew(part: BulkJobSlice, *, at: datetime) -> bool:
    """Keep a slice for another lease; False if somebody else has it by now."""
    return bool(BulkJobSlice.objects.filter(pk=part.pk, attempts=part.attempts).update(next_attempt_at=at + LEASE))


def release(part: BulkJobSlice, *, at: datetime) -> None:
    """Give a slice back in the transaction that wrote its outcomes: what waits is looked at again soon."""
    BulkJobSlice.objects.filter(pk=part.pk).update(
        attempts=0, next_attempt_at=at + AGAIN, expanded_at=part.expanded_at or at
    )


def unfinished(part: BulkJobSlice) -> Sequence[int]:
    """Give the orders of a slice that were not begun."""
    if part.expanded_at is None:
        return part.order_ids
    waiting = BulkJobItem.objects.filter(slice=part, status=BulkJobItem.Status.PENDING)
    return list(waiting.order_by("order_id").values_list("order_id", flat=True))


def without_sync_commit() -> None:
    """Don't wait for the disk: what this transaction writes, a crash may undo without harm."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL synchronous_commit TO off")


def something_due(job: BulkJob) -> bool:
    """Tell whether a worker would find something to do right now."""
    return job.slices.filter(next_attempt_at__lte=timezone.now()).exists()


def working(job: BulkJob) -> QuerySet[BulkJobItem]:
    """Give the items whose act is in flight."""
    return BulkJobItem.objects.filter(job=job, status=BulkJobItem.Status.WORKING)
