"""Executing the refunds of a job side by side: threads call Stripe, the thread that made them leases and writes."""

import logging
import threading
import time
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from datetime import timedelta
from types import TracebackType
from typing import Any, Self

from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.db.models import QuerySet
from django.db.models.functions import Now

from backoffice import database_clock, leases, logs
from billing import gateway, rate_limit, recovery
from billing.models import Refund
from billing.results import RefundResult
from billing.settlement import claim_operations, failed_attempt, postpone_operation, submit_refund
from ecommerce.models import BulkJob, BulkJobItem
from ecommerce.orders.apply_results import apply_results

logger = logging.getLogger(__name__)

MAX_THREADS = 40  # at 80 calls a second each may take half a second
UNSENT_BACKOFF = leases.Backoff(first=timedelta(seconds=1), longest=timedelta(seconds=2), jitter=0.5)
BATCH = 25  # results applied in one transaction
MAX_WAIT = 0.25  # seconds until fewer than a batch are applied, too


class RefundPool:
    """The refunds that this worker has at Stripe.

    `in_flight` are leased and handed to a thread, `done` are results not yet applied; `misconfigured` is Stripe's
    message where our key is wrong. No more are leased than there are threads, so that when the job is stopped no more
    than that can still reach Stripe.
    """

    def __init__(self, job_id: int) -> None:
        self.job_id = job_id
        self.threads = min(MAX_THREADS, settings.STRIPE_MAX_REQUESTS_PER_SECOND)
        self.executor = ThreadPoolExecutor(self.threads, thread_name_prefix="stripe")
        self.in_flight: dict[Future[RefundResult], Refund] = {}
        self.done: list[RefundResult] = []
        self.applied_at = time.monotonic()
        self.misconfigured = ""
        self.stopped = threading.Event()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # What was leased and not sent is executed by another worker, or the sweep, when the lease has run out.
        self.executor.shutdown(cancel_futures=True)

    def has_room(self) -> bool:
        """Whether half of the threads are free: refunds are leased so many at a time, not with a query for each."""
        return len(self.in_flight) <= self.threads // 2

    def submit(self) -> bool:
        """Lease due refunds and hand them to the free threads; True while many more are due."""
        due = self._due()
        for refund in claim_operations(due, limit=self.threads - len(self.in_flight)):
            # What may have been sent before is brought to its end, stopped or not.
            stopped = self.stopped if refund.attempts == 1 else None
            self.in_flight[self.executor.submit(logs.in_context(_send), refund, stopped)] = refund
        waiting = due.filter(next_attempt_at__lte=Now(), closed_at=None)
        return len(waiting.values_list("pk")[: self.threads]) == self.threads

    @property
    def is_stopped(self) -> bool:
        """Whether nothing new is sent any more."""
        return self.stopped.is_set()

    def stop(self) -> None:
        """Send nothing any more that was not sent before."""
        self.stopped.set()

    def _due(self) -> QuerySet[Refund]:
        working = {"act__job_items__job": self.job_id, "act__job_items__status": BulkJobItem.Status.WORKING}
        refunds = Refund.objects.filter(**working)
        return refunds.exclude(first_sent_at=None) if self.stopped.is_set() else refunds

    def collect(self) -> None:
        """Wait for results, and apply them once they are a batch or have waited."""
        ended, _in_flight = wait(self.in_flight, timeout=MAX_WAIT, return_when=FIRST_COMPLETED)
        for future in ended:
            self._receive(future, self.in_flight.pop(future))
        waited = time.monotonic() - self.applied_at
        if len(self.done) >= BATCH or (self.done and (waited > MAX_WAIT or not self.in_flight)):
            self._apply()
            self.applied_at = time.monotonic()

    def _receive(self, future: Future[RefundResult], refund: Refund) -> None:
        try:
            self.done.append(future.result())
        except gateway.Misconfigured as error:
            self.misconfigured = error.message
            self.stop()
            self._not_done(refund, error)
        except gateway.NotSent as error:
            self._not_done(refund, error)
        except gateway.Unavailable as error:
            postpone_operation(refund, error)
        except Exception as error:  # noqa: BLE001 - whatever Stripe answered must not loop by itself
            waiting: Any = failed_attempt(refund, error)
            self.done += [waiting] if waiting else []
        else:
            recovery.note_success(refund)

    @staticmethod
    def _not_done(refund: Refund, error: gateway.Unavailable) -> None:
        if refund.attempts > 1:
            postpone_operation(refund, error)
        else:
            # As if never leased: a stopped job gives it back, and its next attempt has nothing to look up.
            leases.postpone(refund, backoff=UNSENT_BACKOFF, attempts=0, first_sent_at=None)

    def _apply(self) -> None:
        # Threads end in any order; credit notes are numbered in this one.
        batch, self.done = sorted(self.done, key=lambda result: result.payment_id), []
        try:
            apply_results(results=batch, at=database_clock.now())
        except (OperationalError, InterfaceError):
            raise
        except Exception:
            # They stay working: after their lease another worker fetches the results from Stripe and applies them.
            logger.exception("Applying %r failed.", batch)


def _send(refund: Refund, stopped: threading.Event | None) -> RefundResult:
    with rate_limit.as_job(stopped), logs.bound(**refund.log_ids):
        return submit_refund(refund)


def has_due_refunds(job: BulkJob) -> bool:
    """Whether an open refund of this job may be attempted now."""
    working = BulkJobItem.objects.filter(job=job, status=BulkJobItem.Status.WORKING)
    return working.filter(act__refund__next_attempt_at__lte=Now(), act__refund__closed_at=None).exists()
