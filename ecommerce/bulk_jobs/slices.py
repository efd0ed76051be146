"""Running a slice: one transaction for all of its orders, or, where one of them breaks that, one for each."""

import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from django.db import InterfaceError, OperationalError, transaction
from django.db.models import F
from django.utils.translation import gettext as _

from backoffice import database_clock, logs
from customers.mail.notify import notifying
from ecommerce.bulk_jobs import cancel_and_return, fulfill, leases, organize, outcomes
from ecommerce.bulk_jobs.outcomes import Outcome, Status
from ecommerce.models import BulkJob, BulkJobItem, BulkJobSlice, Order
from ecommerce.models.id_arrays import Among

logger = logging.getLogger(__name__)

Action = BulkJob.Action
ACTS: dict[str, Callable[..., list[Outcome]]] = {
    Action.FULFILL.value: fulfill.fulfill,
    Action.CANCEL.value: cancel_and_return.request,
    Action.RETURN.value: cancel_and_return.request,
    Action.TAG.value: organize.tag,
    Action.HOLD.value: organize.hold,
    Action.RELEASE.value: organize.release,
    Action.ASSIGN.value: organize.assign,
}

MAX_ATTEMPTS_TOGETHER = 3  # a slice claimed more often without ever being released is run order by order
MAX_CRASHES = 4  # an order that was started alone so often, and ended its worker each time, is failed
DATABASE_GONE = (OperationalError, InterfaceError)  # no order's fault: the slice is retried after its lease


def run_slice(job: BulkJob, job_slice: BulkJobSlice) -> None:
    """Run a slice that the caller has claimed."""
    # Attempts are reset by release, so that many of them mean: something in this slice kills workers.
    if job_slice.attempts > MAX_ATTEMPTS_TOGETHER:
        _run_one_by_one(job, job_slice)
        return
    try:
        _run_together(job, job_slice, at=database_clock.now())
    except DATABASE_GONE:
        raise
    except Exception:
        # Nothing of the slice was committed; which order broke it shows when each has its own transaction.
        logger.exception("Slice %s failed; its orders are run one by one.", job_slice)
        _run_one_by_one(job, job_slice)


def _run_together(job: BulkJob, job_slice: BulkJobSlice, *, at: datetime) -> None:
    with transaction.atomic():
        # Orders are locked before the slice, as by the code that applies results: the other way deadlocks.
        orders = _locked(job, leases.pending_order_ids(job_slice))
        # The lease may have run out while this waited for the locks: then another worker has done it all.
        if leases.lease_is_held(job_slice):
            _run(job, job_slice, orders, at=at)
            leases.release_slice(job_slice)
            outcomes.update_counts(job)


def _locked(job: BulkJob, ids: Sequence[int]) -> list[Order]:
    orders = Order.objects.locked().filter(Among(ids))
    return list(orders.only(*fulfill.COLUMNS) if job.action == BulkJob.Action.FULFILL else orders)


def _run(job: BulkJob, job_slice: BulkJobSlice, orders: list[Order], *, at: datetime) -> None:
    with notifying(job.notify, mass=True):
        done = ACTS[job.action](job, orders, at=at)
    outcomes.write(job_slice, done)
    log_outcomes(job, job_slice, {order.pk: order.number for order in orders}, done)


def log_outcomes(job: BulkJob, job_slice: BulkJobSlice, numbers: Mapping[int, str], done: Sequence[Outcome]) -> None:
    """Count what became of the orders of a slice, and name those that nothing was done to: acts name the others."""
    counts = Counter(outcome.status.value for outcome in done)
    about = {"job_id": job.pk, "slice_id": job_slice.pk, "action": job.action}
    logs.info_on_commit(logger, "Orders of a job run", **about, **counts)
    for status in (Status.SKIPPED, Status.FAILED, Status.PENDING):
        left = [numbers.get(outcome.order_id, "") for outcome in done if outcome.status == status]
        logs.info_of_orders(logger, f"Orders of a job {status.value}", left, **about)


def _run_one_by_one(job: BulkJob, job_slice: BulkJobSlice) -> None:
    expand(job_slice)
    for order_id in leases.pending_order_ids(job_slice):
        if not leases.renew_slice(job_slice):
            return  # another worker goes on with it
        if not _count_attempt(job_slice, order_id):
            continue
        try:
            _run_alone(job, job_slice, order_id, at=database_clock.now())
        except DATABASE_GONE:
            raise
        except Exception:
            logger.exception("Order %s of %s failed.", order_id, job)
            reason = _("An error in the program broke the work on order %(number)s; it is in the worker log.")
            _fail(job_slice, order_id, reason)
    with transaction.atomic():
        leases.release_slice(job_slice)
        outcomes.update_counts(job)


def expand(job_slice: BulkJobSlice) -> None:
    """Write the items of a slice, so that each order can be run, and can fail, on its own."""
    if job_slice.expanded_at is None:
        job_slice.expanded_at = database_clock.now()
        with transaction.atomic():
            existing = Order.objects.filter(pk__in=job_slice.order_ids).order_by("pk").values_list("pk", flat=True)
            outcomes.write(job_slice, [Outcome(order_id, Status.PENDING) for order_id in existing])
            BulkJobSlice.objects.filter(pk=job_slice.pk).update(expanded_at=job_slice.expanded_at)


def _count_attempt(job_slice: BulkJobSlice, order_id: int) -> bool:
    """Count the attempt, committed before the work; False if the order is not to be run."""
    item = BulkJobItem.objects.filter(slice=job_slice, order=order_id, status=Status.PENDING)
    # An error is caught and fails the order at once: only a dead worker leaves an attempt uncleared.
    if item.filter(attempts__gte=MAX_CRASHES).exists():
        _fail(job_slice, order_id, _("Order %(number)s ended the worker each time it was begun, so it was left out."))
        return False
    return bool(item.update(attempts=F("attempts") + 1))


def _run_alone(job: BulkJob, job_slice: BulkJobSlice, order_id: int, *, at: datetime) -> None:
    with transaction.atomic():
        orders = _locked(job, [order_id])
        item = BulkJobItem.objects.select_for_update().filter(slice=job_slice, order=order_id, status=Status.PENDING)
        # Asked again under the lock: another worker may have been quicker after a lease that ran out.
        if item.first():
            _run(job, job_slice, orders, at=at)


def _fail(job_slice: BulkJobSlice, order_id: int, reason: str) -> None:
    number = Order.objects.values_list("number", flat=True).get(pk=order_id)
    failed = Outcome(order_id, Status.FAILED, reason % {"number": number})
    outcomes.write(job_slice, [failed])
    log_outcomes(job_slice.job, job_slice, {order_id: number}, [failed])
