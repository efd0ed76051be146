"""Settling the refunds of a job side by side: threads ask Stripe, the thread that made them leases and writes."""

import logging
import time
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from types import TracebackType
from typing import Self

from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.db.models import QuerySet
from django.utils import timezone

from billing import gateway
from billing.models import Refund
from billing.results import RefundResult
from billing.settlement import claim_operations, postpone_operation, submit_refund
from billing.signals import results_received
from ecommerce.models import BulkJob, BulkJobItem

logger = logging.getLogger(__name__)

MOST_THREADS = 40  # at 80 calls a second each may take half a second
AHEAD = 2  # leased for each thread: less than 30 s can send, and enough while a slice is begun
BATCH = 25  # answers finished in one transaction
PATIENCE = 0.25  # seconds until fewer are finished, too


class RefundPool:
    """The refunds that this worker has under way."""

    def __init__(self, job_id: int) -> None:
        self.job_id = job_id
        self.threads = min(MOST_THREADS, settings.STRIPE_MAX_REQUESTS_PER_SECOND)
        self.pool = ThreadPoolExecutor(self.threads, thread_name_prefix="stripe")
        self.flying: dict[Future[RefundResult], Refund] = {}
        self.landed: list[RefundResult] = []
        self.finished_at = time.monotonic()
        self.misconfigured = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # What was leased and not sent is sent by whoever comes when the lease has run out.
        self.pool.shutdown(cancel_futures=True)

    @property
    def room(self) -> int:
        """Give how many more may be leased."""
        return self.threads * AHEAD - len(self.flying)

    def take_off(self) -> bool:
        """Lease what is due and hand it to the threads; tell whether there was as much as there is room for."""
        room = self.room
        if room < self.threads // 2:
            return True
        now = timezone.now()
        leased = claim_operations(self._unsent(), at=now, limit=room)
        for refund in leased:
            self.flying[self.pool.submit(submit_refund, refund, at=now)] = refund
        return len(leased) == room

    def _unsent(self) -> QuerySet[Refund]:
        ours = {"act__job_items__job": self.job_id, "act__job_items__status": BulkJobItem.Status.WORKING}
        return Refund.objects.filter(**ours)

    def land(self, *, patience: float = PATIENCE) -> None:
        """Wait for answers, and have them finished once they are many or have waited."""
        done, _flying = wait(self.flying, timeout=patience, return_when=FIRST_COMPLETED)
        for future in done:
            self._hear(future, self.flying.pop(future))
        waited = time.monotonic() - self.finished_at
        if len(self.landed) >= BATCH or (self.landed and (waited > PATIENCE or not self.flying)):
            self._finish()
            self.finished_at = time.monotonic()

    def _finish(self) -> None:
        batch, self.landed = sorted(self.landed, key=lambda answer: answer.payment_id), []
        try:
            results_received.send(sender=Refund, results=batch, at=timezone.now())
        except (OperationalError, InterfaceError):
            raise
        except Exception:
            # It stays under way: whoever comes when the lease has run out asks Stripe again, and finishes it.
            logger.exception("Finishing %r broke.", batch)

    def _hear(self, future: Future[RefundResult], refund: Refund) -> None:
        try:
            self.landed.append(future.result())
        except gateway.Misconfigured as trouble:
            self.misconfigured = trouble.message
            postpone_operation(refund, trouble, at=timezone.now())
        except gateway.Unavailable as trouble:
            postpone_operation(refund, trouble, at=timezone.now())
        except Exception:
            # Something may have been sent: it is looked for when the lease has run out.
            logger.exception("Asking Stripe about refund %s broke.", refund.pk)


def under_way(job: BulkJob) -> bool:
    """Tell whether acts of this job wait for an answer that may be asked for now."""
    now = timezone.now()
    ours = BulkJobItem.objects.filter(job=job, status=BulkJobItem.Status.WORKING)
    return ours.filter(act__refund__next_attempt_at__lte=now, act__refund__closed_at=None).exists()
