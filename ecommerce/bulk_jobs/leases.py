"""Who works on a job: its heartbeat, and the leases on its slices."""

from collections.abc import Sequence
from datetime import timedelta

from django.db import transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from backoffice.leases import claim, release
from backoffice.process_leases import renew
from backoffice.transactions import without_sync_commit
from ecommerce.models import BulkJob, BulkJobItem, BulkJobSlice

Status = BulkJob.Status
OPEN = (Status.QUEUED, Status.RUNNING, Status.STOPPING)
# With the sweep's 15 s and a worker time-out of 12 s, the slice of a killed worker is taken over within 75 s.
SLICE_LEASE = timedelta(seconds=40)
HEARTBEAT_INTERVAL = timedelta(seconds=1)
WORKER_TIMEOUT = timedelta(seconds=12)  # less than the 15 s between two sweeps
PENDING_RETRY_DELAY = timedelta(seconds=5)  # for orders that another act was in flight with


def heartbeat(job_id: int) -> BulkJob | None:
    """Note that a worker is at this job; return it as it is now, or None once it is over."""
    job = BulkJob.objects.filter(pk=job_id, status__in=OPEN).select_related("rights_of").annotate(now=Now()).first()
    if job is None:
        return None
    if job.status == Status.QUEUED:
        BulkJob.objects.filter(pk=job_id, status=Status.QUEUED).update(
            status=Status.RUNNING, started_at=job.started_at or Now(), beat_at=Now()
        )
        return heartbeat(job_id)  # another worker, or a stop, may have been first
    # Before the heartbeat: once that has stopped for WORKER_TIMEOUT, the places of the job are free.
    renew()
    if job.beat_at is None or job.now - job.beat_at >= HEARTBEAT_INTERVAL:
        with transaction.atomic():
            without_sync_commit()
            BulkJob.objects.filter(pk=job_id).update(beat_at=Now())
    return job


def jobs_without_worker() -> QuerySet[BulkJob]:
    """Open jobs whose worker's heartbeat has stopped, or that no worker has started."""
    silent = Q(beat_at=None) | Q(beat_at__lte=Now() - WORKER_TIMEOUT)
    return BulkJob.objects.filter(silent, status__in=OPEN).order_by("pk")


def claim_slice(job: BulkJob) -> BulkJobSlice | None:
    """Lease the next due slice of a job for SLICE_LEASE; None if none is due."""
    with transaction.atomic():
        # A claim that a crash undoes was not worked on yet, unlike a refund's, which may be at Stripe.
        without_sync_commit()
        return next(iter(claim(job.slices.all(), lease=SLICE_LEASE)), None)


def lease_is_held(job_slice: BulkJobSlice) -> bool:
    """Lock a slice, whose orders are locked already, and compare it with what was claimed."""
    now = BulkJobSlice.objects.select_for_update(no_key=True).filter(pk=job_slice.pk).first()
    return now is not None and (now.attempts, now.expanded_at) == (job_slice.attempts, job_slice.expanded_at)


def renew_slice(job_slice: BulkJobSlice) -> bool:
    """Prolong the lease; False if another worker has the slice by now."""
    return release(job_slice, next_attempt_at=Now() + SLICE_LEASE)


def release_slice(job_slice: BulkJobSlice) -> None:
    """End the lease, in the transaction that wrote the outcomes."""
    # Pending orders are tried again soon; `outcomes.update_counts` closes the slice if there are none.
    expanded_at = job_slice.expanded_at or Now()
    release(job_slice, next_attempt_at=Now() + PENDING_RETRY_DELAY, attempts=0, expanded_at=expanded_at)


def pending_order_ids(job_slice: BulkJobSlice) -> Sequence[int]:
    """Ids of the orders that have no outcome and no open act yet."""
    # A slice has no items before its first transaction: until then all of its orders are pending.
    if job_slice.expanded_at is None:
        return job_slice.order_ids
    pending = BulkJobItem.objects.filter(slice=job_slice, status=BulkJobItem.Status.PENDING)
    return list(pending.order_by("order_id").values_list("order_id", flat=True))


def has_due_slices(job: BulkJob) -> bool:
    """Whether a worker would find a slice to lease now."""
    return job.slices.filter(next_attempt_at__lte=Now()).exists()
