"""Working a slice: one transaction for all of its orders, or, where one breaks that, one for each."""

import logging
from collections.abc import Callable, Sequence
from datetime import datetime

from django.db import InterfaceError, OperationalError, transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from ecommerce.bulk_jobs import cancel_and_return, fulfill, leases, outcomes
from ecommerce.bulk_jobs.outcomes import Outcome, Status
from ecommerce.models import BulkJob, BulkJobItem, BulkJobSlice, Order
from ecommerce.models.order import Among

logger = logging.getLogger(__name__)

MAX_TOGETHER = 3  # a slice that was taken so often and never brought to an end is worked order by order
MAX_CRASHES = 4  # an order that was begun alone so often, and ended its worker each time, is left out
GONE = (OperationalError, InterfaceError)  # the database's trouble, not the order's

Begin = Callable[..., list[Outcome]]
BEGIN: dict[str, tuple[Begin, tuple[str, ...]]] = {
    BulkJob.Action.FULFILL.value: (fulfill.begin, fulfill.COLUMNS),
    BulkJob.Action.CANCEL.value: (cancel_and_return.begin, ()),
    BulkJob.Action.RETURN.value: (cancel_and_return.begin, ()),
}


def run_slice(job: BulkJob, part: BulkJobSlice) -> None:
    """Begin every order of a slice that somebody claimed."""
    if part.attempts > MAX_TOGETHER:
        _one_by_one(job, part)
        return
    try:
        _together(job, part, at=timezone.now())
    except GONE:
        raise
    except Exception:
        logger.exception("Slice %s broke; its orders are worked one by one.", part)
        _one_by_one(job, part)


def _together(job: BulkJob, part: BulkJobSlice, *, at: datetime) -> None:
    with transaction.atomic():
        # Orders before the slice, as everywhere: whoever finishes an act holds its order first, too.
        orders = _locked(job, leases.unfinished(part))
        if leases.still_ours(part):
            _begin(job, part, orders, at=at)
            leases.release(part, at=at)
            outcomes.count(job)


def _locked(job: BulkJob, ids: Sequence[int]) -> list[Order]:
    _begin_one, columns = BEGIN[job.action]
    orders = Order.objects.locked().filter(Among(ids))
    return list(orders.only(*columns) if columns else orders)


def _begin(job: BulkJob, part: BulkJobSlice, orders: list[Order], *, at: datetime) -> None:
    begin, _columns = BEGIN[job.action]
    outcomes.write(part, begin(job, orders, at=at))


def _one_by_one(job: BulkJob, part: BulkJobSlice) -> None:
    _expand(part)
    for order_id in leases.unfinished(part):
        if not leases.renew(part, at=timezone.now()):
            return
        if not _worth_trying(part, order_id):
            continue
        try:
            _alone(job, part, order_id, at=timezone.now())
        except GONE:
            raise
        except Exception:
            logger.exception("Order %s of %s broke.", order_id, job)
            _fail(part, order_id, _("An error in the program broke the work on order %(number)s; it was reported."))
    with transaction.atomic():
        leases.release(part, at=timezone.now())
        outcomes.count(job)


def _expand(part: BulkJobSlice) -> None:
    """Write the items of a slice, so that each is worked, and can fail, on its own."""
    if part.expanded_at is None:
        part.expanded_at = timezone.now()
        with transaction.atomic():
            known = Order.objects.filter(pk__in=part.order_ids).order_by("pk").values_list("pk", flat=True)
            outcomes.write(part, [Outcome(order_id, Status.PENDING) for order_id in known])
            BulkJobSlice.objects.filter(pk=part.pk).update(expanded_at=part.expanded_at)


def _worth_trying(part: BulkJobSlice, order_id: int) -> bool:
    """Note, on disk before the work, that this order is begun; leave out one that ended its worker each time."""
    item = BulkJobItem.objects.filter(slice=part, order=order_id, status=Status.PENDING)
    if item.filter(attempts__gte=MAX_CRASHES).exists():
        _fail(part, order_id, _("Order %(number)s ended the worker each time it was begun, so it was left out."))
        return False
    return bool(item.update(attempts=F("attempts") + 1))


def _alone(job: BulkJob, part: BulkJobSlice, order_id: int, *, at: datetime) -> None:
    with transaction.atomic():
        orders = _locked(job, [order_id])
        item = BulkJobItem.objects.select_for_update().filter(slice=part, order=order_id, status=Status.PENDING)
        if item.first():
            _begin(job, part, orders, at=at)


def _fail(part: BulkJobSlice, order_id: int, sentence: str) -> None:
    number = Order.objects.values_list("number", flat=True).get(pk=order_id)
    outcomes.write(part, [Outcome(order_id, Status.FAILED, sentence % {"number": number})])
