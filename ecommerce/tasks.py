"""Celery's side: short tasks that find their work in rows, safe to run twice, early or late."""

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
from billing.models import Payment, Reconciliation, Refund, WebhookEvent
from billing.tasks import enqueue_on_commit, process_event, reconcile
from ecommerce.bulk_jobs import export, leases, run
from ecommerce.models import BulkJob, BulkJobItem, OrderAct
from ecommerce.orders import execute

logger = logging.getLogger(__name__)

SWEEP_SECONDS = 12  # less than the 15 between two sweeps
TURN_SECONDS = 20  # at a job, until other tasks have theirs
THREADS = 8  # at 150 ms a call some 50 a second


@shared_task(name="ecommerce.settle_act")
def settle_act(*, act_id: int) -> None:
    """Settle what an act waits for, if anything still."""
    act = OrderAct.objects.filter(pk=act_id, closed_at=None).first()
    if act:
        execute.settle_act(act=act, at=timezone.now())


@shared_task(name="ecommerce.work_job")
def work_job(*, job_id: int) -> None:
    """Work on a job for a while, and ring again if more is to be done."""
    if run.run_job(job_id=job_id, seconds=TURN_SECONDS):
        enqueue_on_commit(work_job, job_id=job_id)


def enqueue_job(job: BulkJob) -> None:
    """Call the workers of a job: two where only the database sets the pace, one where Stripe does."""
    for _worker in range(2 if job.action == BulkJob.Action.FULFILL else 1):
        enqueue_on_commit(work_job, job_id=job.pk)


@shared_task(name="ecommerce.remove_old_exports")
def remove_old_exports() -> None:
    """Remove the files of exports that nobody may need any more, and those of imports that nobody confirmed."""
    export.remove_old(at=timezone.now())
    uploads.remove_old(at=timezone.now())


@shared_task(name="ecommerce.sweep")
def sweep() -> None:
    """Settle what nobody rang for, or what had no answer yet; call a worker to each job that has none."""
    for job in leases.jobs_without_worker(at=timezone.now()):
        enqueue_on_commit(work_job, job_id=job.pk)
    until = time.monotonic() + SWEEP_SECONDS
    now = timezone.now()
    of_jobs = BulkJobItem.objects.filter(status=BulkJobItem.Status.WORKING, job__status__in=leases.OPEN)
    charges = [partial(execute.settle_payment, payment_id=pk) for pk in due(Payment.objects.all())]
    refunds = Refund.objects.exclude(act__in=of_jobs.values("act"))
    run_in_threads([*charges, *(partial(execute.settle_refund, refund_id=pk) for pk in due(refunds))], until=until)
    # After the money, since hundreds of events take seconds to ring for.
    for event_id in (
        WebhookEvent.objects.filter(next_attempt_at__lte=now)
        .order_by("next_attempt_at")
        .values_list("pk", flat=True)[:500]
    ):
        enqueue_on_commit(process_event, event_id=event_id)
    for left in Reconciliation.objects.filter(finished_at=None, next_attempt_at__lte=now):
        enqueue_on_commit(reconcile, reconciliation_id=left.pk)


def due(wishes: QuerySet[Payment] | QuerySet[Refund]) -> list[int]:
    """Give the ids of wishes that may be tried now, the oldest first, as many as one sweep can look at."""
    rows = wishes.filter(next_attempt_at__lte=timezone.now(), closed_at=None).order_by("next_attempt_at")
    return list(rows.values_list("pk", flat=True)[:500])


def run_in_threads(calls: list[Callable[..., None]], *, until: float) -> None:
    """Make calls that each wait for Stripe, some at a time on one connection each, and begin none after a moment."""
    left = iter(calls)

    def make_some() -> None:
        try:
            for call in left:
                if time.monotonic() < until:
                    make(call)
        finally:
            connection.close()

    with ThreadPoolExecutor(THREADS, thread_name_prefix="sweep") as pool:
        for thread in [pool.submit(make_some) for _ in range(min(THREADS, len(calls)))]:
            thread.result()


def make(call: Callable[..., None]) -> None:
    """Make one of them; one's failure is its own."""
    try:
        call(at=timezone.now())
    except Exception:
        logger.exception("Settling broke; it is tried again when its lease has run out.")
        connection.close()  # it may be what broke, and the next call has to go on


@worker_ready.connect
def sweep_at_start(**_kwargs: Any) -> None:
    """Pick up what a worker that died has left, without waiting for the clock."""
    enqueue_on_commit(sweep)
