"""Stopping a job for good: what it requested and never sent is given back, so that only calls in flight end."""

import logging
from collections.abc import Sequence
from datetime import datetime

from django.db import OperationalError, transaction
from django.db.models import F, QuerySet

from backoffice import database_clock
from ecommerce.bulk_jobs import permissions
from ecommerce.models import BulkJob, BulkJobItem, Order
from ecommerce.orders.stop_requests import stop_requests

logger = logging.getLogger(__name__)
Status, ItemStatus = BulkJob.Status, BulkJobItem.Status

BATCH = 250  # orders of one transaction


def stop_without_permission(job: BulkJob) -> bool:
    """Have a job stop if the user whose permissions it runs under has lost them."""
    reason = permissions.missing_permission(job)
    if reason:
        BulkJob.objects.filter(pk=job.pk, status=Status.RUNNING).update(status=Status.STOPPING, message=reason)
    return bool(reason)


def give_back_unsent(job_id: int) -> int:
    """Give back the orders of a stopped job whose refunds were not sent; return how many. A second call finds none.

    Killed between two batches, the next worker, or the sweep, goes on.
    """
    given_back = 0
    while batch := _give_back_batch(job_id, at=database_clock.now()):
        given_back += batch
    return given_back


def give_back_unsent_at_once(job_id: int) -> None:
    """As `give_back_unsent`, for the request that stops the job: a worker does what can't be done now."""
    try:
        give_back_unsent(job_id)
    except OperationalError:
        # A worker holds the orders of the slice that it is requesting; it gives them back itself.
        logger.warning("Orders of job %s are locked; a worker gives them back.", job_id)


def _give_back_batch(job_id: int, *, at: datetime) -> int:
    with transaction.atomic():
        job = BulkJob.objects.filter(pk=job_id, status__in=(Status.STOPPING, Status.STOPPED)).first()
        if job is None:
            return 0
        ids = _unsent(job_id).order_by("order_id").values_list("order_id", flat=True)[:BATCH]
        orders = list(Order.objects.locked().filter(pk__in=list(ids)))
        # Read again under the locks: somebody may have joined an act, or a worker applied its result.
        items = list(_unsent(job_id).filter(order__in=orders).select_related("act__order", "act__refund"))
        wanted = _wanted_elsewhere(items, job)
        acts = [item.act for item in items if item.act and item.act_id not in wanted]
        stopped = {act.pk for act in stop_requests(orders, acts, reason=job.message, at=at)}
        let_go = [item.pk for item in items if item.act_id in stopped or item.act_id in wanted]
        BulkJobItem.objects.filter(pk__in=let_go, status=ItemStatus.WORKING).update(
            status=ItemStatus.PENDING, act=None, reason=""
        )
        BulkJob.objects.filter(pk=job_id).update(given_back=F("given_back") + len(stopped))
    return len(let_go)


def _unsent(job_id: int) -> QuerySet[BulkJobItem]:
    working = BulkJobItem.objects.filter(job=job_id, status=ItemStatus.WORKING, act__closed_at=None)
    return working.filter(act__refund__first_sent_at=None, act__refund__isnull=False)


def _wanted_elsewhere(items: Sequence[BulkJobItem], job: BulkJob) -> set[int | None]:
    """Return the ids of the acts that a person, or another job, asked for too: they go on without this job."""
    acts = {item.act_id for item in items}
    others = BulkJobItem.objects.filter(act__in=acts, status=ItemStatus.WORKING).exclude(job=job)
    return {item.act_id for item in items if item.act and not item.act.of_jobs_only} | set(
        others.values_list("act_id", flat=True)
    )
