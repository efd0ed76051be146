"""One run of a worker on a job: some twenty seconds, killed at any line without harm."""

import logging
import time

from django.db import transaction
from django.db.models import Sum
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from backoffice import database_clock, shutdown
from ecommerce.bulk_jobs import export, invoice_file, invoices, leases, outcomes, slices, stopping
from ecommerce.bulk_jobs.refund_pool import RefundPool, has_due_refunds
from ecommerce.models import BulkJob, BulkJobItem

logger = logging.getLogger(__name__)
Status = BulkJob.Status
COUNT_INTERVAL = 1.0  # seconds between two updates of the counts while refunds are in flight


def run_job(*, job_id: int, seconds: float) -> bool:
    """Work on a job for so many seconds, or until a file is written; True if there is more to do right now."""
    deadline = time.monotonic() + seconds
    job = BulkJob.objects.filter(pk=job_id, status__in=leases.OPEN).first()
    if job is None:
        return False
    if job.action == BulkJob.Action.EXPORT:
        export.run_export(job_id)
        return False
    if job.action == BulkJob.Action.INVOICES:
        _make_invoices_and_file(job, deadline)
    elif job.calls_stripe:
        _run_slices_and_refunds(job_id, deadline)
        stopping.give_back_unsent(job_id)
    else:
        _run_slices(job_id, deadline)
    return not end_if_complete(job_id) and _has_more(job_id)


def _run_slices(job_id: int, deadline: float) -> None:
    while not shutdown.time_is_up(deadline) and run_next_slice(job_id):
        pass


def _make_invoices_and_file(job: BulkJob, deadline: float) -> None:
    # Once all slices are done no heartbeat may be written here: it would be taken for that of who writes the file.
    if job.slices.exclude(next_attempt_at=None).exists():
        _run_slices(job.pk, deadline)
        job.refresh_from_db()
    if job.status in leases.OPEN:
        invoice_file.write_if_complete(job)


def run_next_slice(job_id: int) -> bool:
    """Run one slice, if the job may still go on and one is due."""
    # Read before each slice: a stop, or a permission taken away, is heeded within one.
    job = leases.heartbeat(job_id)
    if job is None or job.status == Status.STOPPING or stopping.stop_without_permission(job):
        return False
    job_slice = leases.claim_slice(job)
    if job_slice:
        work = invoices.make_slice if job.action == BulkJob.Action.INVOICES else slices.run_slice
        work(job, job_slice)
    return job_slice is not None


def _run_slices_and_refunds(job_id: int, deadline: float) -> None:
    counted_at = time.monotonic()
    with RefundPool(job_id) as pool:
        while True:
            busy = False
            # Refunds come first: the next slice is requested only once Stripe's threads have enough to do.
            if not shutdown.time_is_up(deadline) and not pool.misconfigured:
                busy = _send_refunds(pool) or (not pool.is_stopped and run_next_slice(job_id))
            # Past the deadline what is in flight is still collected, since it was sent.
            if pool.in_flight or pool.done:
                pool.collect()
            elif not busy:
                break
            if time.monotonic() - counted_at > COUNT_INTERVAL:
                counted_at = time.monotonic()
                _update_counts(job_id)
        if pool.misconfigured:
            _stop_at_once(job_id, pool.misconfigured)


def _send_refunds(pool: RefundPool) -> bool:
    """Hand due refunds to the threads, unless the job was stopped; True while the threads have enough to do."""
    if not pool.has_room():
        return True
    # Before each batch: a stop, or a permission taken away, lets none follow those in flight.
    job = leases.heartbeat(pool.job_id)
    if job is None or job.status == Status.STOPPING or stopping.stop_without_permission(job):
        pool.stop()
        stopping.give_back_unsent(pool.job_id)
    return pool.submit()


def _update_counts(job_id: int) -> None:
    job = leases.heartbeat(job_id)
    if job:
        outcomes.update_counts(job)


def _has_more(job_id: int) -> bool:
    job = BulkJob.objects.get(pk=job_id)
    # A stopping job starts no slice, but the refunds that it requested are executed.
    return has_due_refunds(job) or (job.status != Status.STOPPING and leases.has_due_slices(job))


def _stop_at_once(job_id: int, error: str) -> None:
    # Not waiting for the refunds in flight, as a stop by a user does: with a wrong key none of them ends.
    why = _("Stripe refuses our key (%(trouble)s), so the job was stopped. Mend the key, then resume.")
    open_jobs = BulkJob.objects.filter(pk=job_id, status__in=leases.OPEN)
    open_jobs.update(status=Status.STOPPING, message=why % {"trouble": error})
    stopping.give_back_unsent(job_id)
    open_jobs.update(status=Status.STOPPED, finished_at=Now())


def end_if_complete(job_id: int) -> bool:
    """End a job whose orders all have a final outcome, or that was stopped; True if it is over."""
    with transaction.atomic():
        # Of several workers that come here at once, one ends it.
        open_jobs = BulkJob.objects.select_for_update(no_key=True).filter(pk=job_id, status__in=leases.OPEN)
        job = open_jobs.first()
        if job is None:
            return True
        outcomes.update_counts(job)
        status = _final_status(job)
        if status:
            job.status, job.finished_at = status, database_clock.now()
            job.save(update_fields=["status", "finished_at"])
    return bool(status)


def _final_status(job: BulkJob) -> BulkJob.Status | None:
    if not job.slices.exclude(next_attempt_at=None).exists():
        sums = job.slices.aggregate(done=Sum("done"), failed=Sum("failed"))
        if job.action == BulkJob.Action.INVOICES and sums["done"] and not job.file:
            return Status.STOPPED if job.status == Status.STOPPING else None
        if sums["done"] == job.total:
            return Status.SUCCEEDED
        return Status.FAILED if sums["failed"] == job.total else Status.PARTIAL
    # What waits for a user to send it again does not keep the job from stopping.
    working = BulkJobItem.objects.filter(job=job, status=BulkJobItem.Status.WORKING, act__refund__attention="")
    return Status.STOPPED if job.status == Status.STOPPING and not working.exists() else None
