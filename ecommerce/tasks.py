"""Celery tasks. They find their work in rows, so that a lost, late or doubled message changes nothing."""

import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from typing import Any

from celery import Task, shared_task
from celery.signals import worker_ready
from django.conf import settings
from django.core.cache import cache
from django.db import connection
from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from backoffice import database_clock, heartbeats, logs, shutdown
from backoffice.enqueue import enqueue_on_commit
from billing import customer_updates, disputes, removals, restore, reviews, tax_transactions, wakeups
from billing.documents import make
from billing.models import CustomerUpdate, Payment, Reconciliation, Refund, StripeRemoval, TaxTransaction, WebhookEvent
from billing.tasks import make_documents, process_event, reconcile, remove_at_stripe
from customers.mail import delivery
from customers.tasks import send_mails
from ecommerce import imports
from ecommerce.bulk_jobs import leases, processes, run
from ecommerce.erasure import run as run_erasure
from ecommerce.failed_calls import FailedCalls
from ecommerce.models import BulkJob, BulkJobItem, Erasure, FileImport, OrderAct, TrackingFile
from ecommerce.orders import doubt, execute, hold
from ecommerce.tracking_files import apply
from ecommerce.tracking_files import files as tracking_files

logger = logging.getLogger(__name__)

SWEEP_SECONDS = 12  # less than the 15 between two sweeps
SWEPT, SWEEP_PAUSE = "swept", 5  # seconds by Redis's clock in which one sweep is enough
JOB_SECONDS = 20  # of one task, so that other tasks get their turn
THREADS = 8  # at 150 ms a call some 50 a second
MAX_ROWS = 500  # of each kind in one sweep
SWEEP_EVERY = 15  # seconds, by the schedule in the settings
LOOK_UP_SHARE = 15  # of the rate, 1/15 each for authentications, pending refunds, disputes and reviews
failed_calls = FailedCalls()
FEW: dict[str, Any] = {"queue": "celery", "limit": MAX_ROWS, "repeat": wakeups.REPEAT_FEW}


AUTHENTICATING = Q(status=Payment.Status.REQUIRES_ACTION, cancel_requested_at=None)
PENDING = Q(status=Refund.Status.PENDING)


@shared_task(name="ecommerce.settle_act")
def execute_act(*, act_id: int) -> None:
    act = OrderAct.objects.filter(pk=act_id, closed_at=None).first()
    if act:
        execute.execute_act(act=act, at=database_clock.now())


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
    for _worker in range(2 if job.is_in_database else 1):
        enqueue_on_commit(work_job, job_id=job.pk)


@shared_task(name="ecommerce.work_import")
def work_import(*, import_id: int) -> None:
    imports.check(import_id=import_id)
    imports.run(import_id=import_id)


def enqueue_import(file_import: FileImport) -> None:
    wakeups.mark_enqueued(FileImport, [file_import.pk])
    enqueue_on_commit(work_import, import_id=file_import.pk)


@shared_task(name="ecommerce.work_tracking_file")
def work_tracking_file(*, file_id: int) -> None:
    tracking_files.read(file_id=file_id)
    if apply.run(file_id=file_id, seconds=JOB_SECONDS):
        enqueue_on_commit(work_tracking_file, file_id=file_id)


def enqueue_tracking_file(file: TrackingFile) -> None:
    wakeups.mark_enqueued(TrackingFile, [file.pk])
    for _worker in range(apply.PARTS if file.status == TrackingFile.Status.APPLYING else 1):
        enqueue_on_commit(work_tracking_file, file_id=file.pk)


@shared_task(name="ecommerce.erase_customer")
def erase_customer(*, erasure_id: int) -> None:
    run_erasure.execute_erasure(erasure_id=erasure_id)


def enqueue_erasure(erasure: Erasure) -> None:
    # Stripe first: the erasure waits for it.
    for removal_id in StripeRemoval.objects.filter(stripe_id=erasure.stripe_customer_id).values_list("pk", flat=True):
        enqueue_on_commit(remove_at_stripe, removal_id=removal_id)
    enqueue_on_commit(erase_customer, erasure_id=erasure.pk)


@shared_task(name="ecommerce.sweep", bind=True)
def sweep(task: Task[Any, Any]) -> None:
    """Execute what is due and has lost its message, and enqueue the jobs, events and reconciliations that have."""
    # Messages don't expire, since that would compare two machines' clocks: of a backlog one is enough.
    if not task.request.called_directly and not cache.add(SWEPT, True, timeout=SWEEP_PAUSE):
        return
    until = time.monotonic() + SWEEP_SECONDS
    # One that fails keeps the others from nothing. Events come after the money: to enqueue hundreds takes seconds.
    execute_due = partial(_execute_due, until)
    steps = (_enqueue_jobs, _notice_a_restore, execute_due, _enqueue_events, _release_holds, _enqueue_rest)
    went_through = [_went_through(step) for step in steps]
    if all(went_through):
        heartbeats.beat(heartbeats.SWEEP)


def _went_through(step: Callable[[], None]) -> bool:
    try:
        step()
    except Exception:
        logger.exception("A step of the sweep failed; the next sweep tries it again.")
        connection.close()  # it may be what failed
        return False
    return True


def _enqueue_jobs() -> None:
    for job_id in wakeups.take_to_enqueue(leases.jobs_without_worker(), **FEW):
        enqueue_on_commit(work_job, job_id=job_id)


def _notice_a_restore() -> None:
    doubt.state_now()


def _execute_due(until: float) -> None:
    # Again while something has become due: the first answer of a Stripe that was away wakes what waits for it.
    while not shutdown.time_is_up(until) and (calls := _due_operations()):
        run_in_threads(calls, until=until)
    if not shutdown.has_begun():
        run_in_threads(_due_look_ups(), until=until)


def _enqueue_events() -> None:
    events = WebhookEvent.objects.filter(next_attempt_at__lte=Now()).order_by("next_attempt_at")
    for event_id in wakeups.take_to_enqueue(events, queue="events", limit=MAX_ROWS):
        enqueue_on_commit(process_event, event_id=event_id)


def _release_holds() -> None:
    hold.release_expired(at=database_clock.now())


def _enqueue_once(task: Task[Any, Any]) -> None:
    """Enqueue what does all that is due, unless an earlier sweep has and its message may still wait for a worker."""
    waits = not cache.add(f"enqueued:{task.name}", True, timeout=wakeups.REPEAT_FEW.total_seconds())
    if not (waits and wakeups.queue_length("celery")):
        enqueue_on_commit(task)


def _enqueue_rest() -> None:
    if delivery.waiting():
        _enqueue_once(send_mails)
    if make.waiting().exists():
        _enqueue_once(make_documents)
    for import_id in wakeups.take_to_enqueue(imports.waiting(), **FEW):
        enqueue_on_commit(work_import, import_id=import_id)
    for file_id in wakeups.take_to_enqueue(tracking_files.waiting(), **FEW):
        enqueue_on_commit(work_tracking_file, file_id=file_id)
    for erasure in run_erasure.due()[:MAX_ROWS]:
        enqueue_on_commit(erase_customer, erasure_id=erasure.pk)
    unfinished = Reconciliation.objects.filter(finished_at=None, next_attempt_at__lte=Now()).order_by("pk")
    for reconciliation_id in wakeups.take_to_enqueue(unfinished, **FEW):
        enqueue_on_commit(reconcile, reconciliation_id=reconciliation_id)


def _due_operations() -> list[partial[None]]:
    if restore.is_blocked():
        return []  # nothing can be leased: to find it due again and again would fill the sweep
    # The worker of an open job executes the refunds of its items.
    of_jobs = BulkJobItem.objects.filter(status=BulkJobItem.Status.WORKING, job__status__in=leases.OPEN)
    refunds = Refund.objects.exclude(act__in=of_jobs.values("act"))
    return [
        *_payment_calls(Payment.objects.exclude(AUTHENTICATING), MAX_ROWS),
        *_refund_calls(refunds.exclude(PENDING), MAX_ROWS),
        *(partial(_execute_update, update_id=pk) for pk in _due_ids_of(CustomerUpdate, "update_id")),
        *(partial(_execute_removal, removal_id=pk) for pk in _due_ids_of(StripeRemoval, "removal_id")),
        *(partial(_record_tax, tax_transaction_id=pk) for pk in _due_tax_ids()),
    ]


def _due_look_ups() -> list[partial[None]]:
    # What is only asked about again comes last and has a share of the rate, however many are open.
    limit = max(1, settings.STRIPE_MAX_REQUESTS_PER_SECOND * SWEEP_EVERY // LOOK_UP_SHARE)
    return [
        *_payment_calls(Payment.objects.filter(AUTHENTICATING), limit),
        *_refund_calls(Refund.objects.filter(PENDING), limit),
        *(partial(execute.check_dispute, dispute_id=each) for each in disputes.claim_due(limit)),
        *(partial(execute.check_review, review_id=each) for each in reviews.claim_due(limit)),
    ]


def _payment_calls(payments: QuerySet[Payment], limit: int) -> list[partial[None]]:
    return [partial(execute.execute_payment, payment_id=pk) for pk in _due_ids(payments, limit, "payment_id")]


def _refund_calls(refunds: QuerySet[Refund], limit: int) -> list[partial[None]]:
    return [partial(execute.execute_refund, refund_id=pk) for pk in _due_ids(refunds, limit, "refund_id")]


def _execute_update(*, update_id: int, at: datetime) -> None:
    del at  # an update has no time of its own
    customer_updates.execute_update(update_id=update_id)


def _execute_removal(*, removal_id: int, at: datetime) -> None:
    del at  # nor has a removal
    removals.execute_removal(removal_id=removal_id)


def _record_tax(*, tax_transaction_id: int, at: datetime) -> None:
    del at  # nor has what Stripe Tax records
    tax_transactions.execute(tax_transaction_id=tax_transaction_id)


def _due_tax_ids() -> list[int]:
    return _due_ids(tax_transactions.sendable(), MAX_ROWS, "tax_transaction_id")


def _due_ids_of(model: type[CustomerUpdate | StripeRemoval], name: str) -> list[int]:
    due = model.objects.filter(next_attempt_at__lte=Now()).exclude(pk__in=failed_calls.ids(name))
    return list(due.order_by("next_attempt_at").values_list("pk", flat=True)[:MAX_ROWS])


def _due_ids(
    operations: QuerySet[Payment] | QuerySet[Refund] | QuerySet[TaxTransaction], limit: int, name: str
) -> list[int]:
    due = operations.filter(next_attempt_at__lte=Now(), closed_at=None).exclude(pk__in=failed_calls.ids(name))
    return list(due.order_by("next_attempt_at").values_list("pk", flat=True)[:limit])


def run_in_threads(calls: Sequence[partial[None]], *, until: float) -> None:
    """Make calls that each wait for Stripe, in threads with a connection each; start none after `until`.

    `until` is a moment of the monotonic clock.
    """
    remaining = iter(calls)

    def work() -> None:
        try:
            for call in remaining:
                if not shutdown.time_is_up(until):
                    _run_logged(call)
        finally:
            connection.close()

    with ThreadPoolExecutor(THREADS, thread_name_prefix="sweep") as pool:
        for thread in [pool.submit(logs.in_context(work)) for _ in range(min(THREADS, len(calls)))]:
            thread.result()


def _run_logged(call: partial[None]) -> None:
    try:
        call(at=database_clock.now())
    except Exception:
        wait = failed_calls.put_off(call)
        logger.exception("Executing %s failed; it is tried again in %.0f s.", call.keywords, wait)
        connection.close()  # it may be what failed, and the next call needs one that works
    else:
        failed_calls.forget(call)


@worker_ready.connect
def sweep_at_start(**_kwargs: object) -> None:
    # A worker that was killed may have left work: it does not have to wait for beat.
    enqueue_on_commit(sweep)
