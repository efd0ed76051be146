"""A worker's turn at a job: some twenty seconds, ended at any line without harm."""

import logging
import time

from django.db import transaction
from django.db.models import Sum
from django.utils import timezone
from django.utils.translation import gettext as _

from ecommerce.bulk_jobs import export, leases, outcomes, permissions, slices
from ecommerce.bulk_jobs.refund_pool import RefundPool, under_way
from ecommerce.models import BulkJob, BulkJobItem

logger = logging.getLogger(__name__)
Status = BulkJob.Status
COUNTING = 1.0  # seconds between two counts of what is under way


def run_job(*, job_id: int, seconds: float) -> bool:
    """Work on a job for so many seconds, or until a file is written; tell whether more is to be done right now."""
    until = time.monotonic() + seconds
    job = BulkJob.objects.filter(pk=job_id, status__in=leases.OPEN).first()
    if job is None:
        return False
    if job.action == BulkJob.Action.EXPORT:
        export.run_export(job_id)
        return False
    turn = _fulfill if job.action == BulkJob.Action.FULFILL else _undo
    turn(job_id, until)
    return not conclude(job_id) and _more(job_id)


def _fulfill(job_id: int, until: float) -> None:
    while time.monotonic() < until and _next_slice(job_id):
        pass


def _next_slice(job_id: int) -> bool:
    """Begin one slice, if the job may still go on and one is due."""
    job = leases.heartbeat(job_id, at=timezone.now())
    if job is None or job.status == Status.STOPPING or _stopped_for(job, permissions.missing_permission(job)):
        return False
    part = leases.claim(job, at=timezone.now())
    if part:
        slices.run_slice(job, part)
    return part is not None


def _undo(job_id: int, until: float) -> None:
    counted = time.monotonic()
    with RefundPool(job_id) as settlement:
        while True:
            busy = False
            if time.monotonic() < until and not settlement.misconfigured:
                busy = settlement.take_off() or _next_slice(job_id)
            if settlement.flying or settlement.landed:
                settlement.land()
            elif not busy:
                break
            if time.monotonic() - counted > COUNTING:
                counted = time.monotonic()
                _count(job_id)
        if settlement.misconfigured:
            _stop_at_once(job_id, settlement.misconfigured)


def _count(job_id: int) -> None:
    job = leases.heartbeat(job_id, at=timezone.now())
    if job:
        outcomes.count(job)


def _more(job_id: int) -> bool:
    job = BulkJob.objects.get(pk=job_id)
    stopping = job.status == Status.STOPPING
    return under_way(job) or (not stopping and leases.something_due(job))


def _stopped_for(job: BulkJob, why: str) -> bool:
    """Stop a job that may not go on, and say why."""
    if why:
        BulkJob.objects.filter(pk=job.pk, status=Status.RUNNING).update(status=Status.STOPPING, message=why)
    return bool(why)


def _stop_at_once(job_id: int, trouble: str) -> None:
    """Stop without waiting for what is under way: nothing has an answer until somebody mends the configuration."""
    why = _("Stripe refuses our key (%(trouble)s), so the job was stopped. Mend the key, then resume.")
    BulkJob.objects.filter(pk=job_id, status__in=leases.OPEN).update(
        status=Status.STOPPED, message=why % {"trouble": trouble}, finished_at=timezone.now()
    )


def conclude(job_id: int) -> bool:
    """End a job whose orders all have their outcome, or that was stopped; tell whether it is over."""
    with transaction.atomic():
        open_jobs = BulkJob.objects.select_for_update(no_key=True).filter(pk=job_id, status__in=leases.OPEN)
        job = open_jobs.first()
        if job is None:
            return True
        outcomes.count(job)
        ended = _ended(job)
        if ended:
            job.status, job.finished_at = ended, timezone.now()
            job.save(update_fields=["status", "finished_at"])
    return bool(ended)


def _ended(job: BulkJob) -> BulkJob.Status | None:
    if not job.slices.exclude(next_attempt_at=None).exists():
        sums = job.slices.aggregate(done=Sum("done"), failed=Sum("failed"))
        if sums["done"] == job.total:
            return Status.SUCCEEDED
        return Status.FAILED if sums["failed"] == job.total else Status.PARTIAL
    waiting = BulkJobItem.objects.filter(job=job, status=BulkJobItem.Status.WORKING)
    return Status.STOPPED if job.status == Status.STOPPING and not waiting.exists() else None
