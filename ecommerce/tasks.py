"""Celery tasks. They find their work in rows, so that a lost, late or doubled message changes nothing."""

import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from celery import shared_task
from celery.signals import worker_ready
from django.db import connection
from django.db.models import QuerySet
from django.utils import timezone

from backoffice import uploads
from billing import wakeups
from billing.models import Payment, Reconciliation, Refund, WebhookEvent
from billing.tasks import enqueue_on_commit, process_event, reconcile
from ecommerce.bulk_jobs import export, leases, processes, run
from ecommerce.models import BulkJob, BulkJobItem, OrderAct
from ecommerce.orders import execute

logger = logging.getLogger(__name__)

SWEEP_SECONDS = 12  # less than the 15 between two sweeps
JOB_SECONDS = 20  # of one task, so that other tasks get their turn
THREADS = 8  # at 150 ms a call some 50 a second
MAX_ROWS = 500  # of each kind in one sweep
FEW: dict[str, Any] = {"queue": "celery", "limit": MAX_ROWS, "repeat": wakeups.REPEAT_FEW}


@shared_task(name="ecommerce.settle_act")
def execute_act(*, act_id: int) -> None:
    act = OrderAct.objects.filter(pk=act_id, closed_at=None).first()
    if act:
        execute.execute_act(act=act, at=timezone.now())


@shared_task(name="ecommerce.work_job")
def work_job(*, job_id: int) -> None:
    # Whatever was enqueued meanwhile, so many processes at most work on one job.
    with processes.entered(job_id) as entered:
        if entered and run.run_job(job_id=job_id, seconds=JOB_SECONDS):
            wakeups.mark_enqueued(BulkJob, [job_id])
            enqueue_on_commit(work_job, job_id=job_id)


def enqueue_job(job: BulkJob) -> None:
    """Wake the workers of a job: two where only the database sets the pace, one where Stripe does."""
    wakeups.mark_enqueued(BulkJob, [job.pk])
    for _worker in range(2 if job.action == BulkJob.Action.FULFILL else 1):
        enqueue_on_commit(work_job, job_id=job.pk)


@shared_task(name="ecommerce.remove_old_exports")
def remove_old_exports() -> None:
    export.remove_old(at=timezone.now())
    uploads.remove_old(at=timezone.now())


@shared_task(name="ecommerce.sweep")
def sweep() -> None:
    """Execute what is due and has lost its message, and enqueue the jobs, events and reconciliations that have."""
    until = time.monotonic() + SWEEP_SECONDS
    jobs = leases.jobs_without_worker(at=timezone.now())
    for job_id in wakeups.take_to_enqueue(jobs, **FEW):
        enqueue_on_commit(work_job, job_id=job_id)
    run_in_threads(_due_operations(), until=until)
    # After the money: to enqueue hundreds of events takes seconds.
    now = timezone.now()
    events = WebhookEvent.objects.filter(next_attempt_at__lte=now).order_by("next_attempt_at")
    for event_id in wakeups.take_to_enqueue(events, queue="events", limit=MAX_ROWS):
        enqueue_on_commit(process_event, event_id=event_id)
    unfinished = Reconciliation.objects.filter(finished_at=None, next_attempt_at__lte=now).order_by("pk")
    for reconciliation_id in wakeups.take_to_enqueue(unfinished, **FEW):
        enqueue_on_commit(reconcile, reconciliation_id=reconciliation_id)


def _due_operations() -> list[Callable[..., None]]:
    # The worker of an open job executes the refunds of its items.
    of_jobs = BulkJobItem.objects.filter(status=BulkJobItem.Status.WORKING, job__status__in=leases.OPEN)
    refunds = Refund.objects.exclude(act__in=of_jobs.values("act"))
    return [
        *(partial(execute.execute_payment, payment_id=pk) for pk in _due_ids(Payment.objects.all())),
        *(partial(execute.execute_refund, refund_id=pk) for pk in _due_ids(refunds)),
    ]


def _due_ids(operations: QuerySet[Payment] | QuerySet[Refund]) -> list[int]:
    due = operations.filter(next_attempt_at__lte=timezone.now(), closed_at=None).order_by("next_attempt_at")
    return list(due.values_list("pk", flat=True)[:MAX_ROWS])


def run_in_threads(calls: list[Callable[..., None]], *, until: float) -> None:
    """Make calls that each wait for Stripe, in threads with a connection each; start none after `until`.

    `until` is a moment of the monotonic clock.
    """
    remaining = iter(calls)

    def work() -> None:
        try:
            for call in remaining:
                if time.monotonic() < until:
                    _run_logged(call)
        finally:
            connection.close()

    with ThreadPoolExecutor(THREADS, thread_name_prefix="sweep") as pool:
        for thread in [pool.submit(work) for _ in range(min(THREADS, len(calls)))]:
            thread.result()


def _run_logged(call: Callable[..., None]) -> None:
    try:
        call(at=timezone.now())
    except Exception:
        logger.exception("Executing an operation failed; it is tried again when its lease has run out.")
        connection.close()  # it may be what failed, and the next call needs one that works


@worker_ready.connect
def sweep_at_start(**_kwargs: object) -> None:
    # A worker that was killed may have left work: it does not have to wait for beat.
    enqueue_on_commit(sweep)
