"""Creating a job: the orders of its selection are frozen as arrays of ids, in one statement."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connection, transaction
from django.db.models import QuerySet

from backoffice.advisory_locks import LockSpace, lock_in_transaction
from customers.actors import Actor
from ecommerce.bulk_jobs.activity import Act, record_job
from ecommerce.models import BulkJob, BulkJobSlice

SLICE = 500  # orders of one transaction; a million ids become 2,000 rows in under a second

FREEZE = """
INSERT INTO ecommerce_bulkjobslice (job_id, number, order_ids, next_attempt_at, attempts, done, skipped, failed)
SELECT %s, number, array_agg(id ORDER BY id), statement_timestamp(), 0, 0, 0, 0
FROM (SELECT found.id, (row_number() OVER (ORDER BY found.id) - 1) / %s AS number FROM ({}) found(id)) numbered
GROUP BY number ORDER BY number
"""


class SelectionChanged(Exception):
    """The selection is empty, or holds another number of orders than was confirmed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewJob:
    """`orders` is any queryset; its column `id_field` holds the orders' ids.

    `selection` says under "words" what was selected. `expected` is the confirmed number of orders, None where they
    were ticked one by one. `fulfill_despite_attention` are keys of orders. `confirmation` names the confirmation page:
    submitted twice, it gives the same job.
    """

    action: BulkJob.Action
    orders: QuerySet[Any]
    id_field: str = "pk"
    selection: Mapping[str, Any] = field(default_factory=dict)
    reason: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    restock: bool = True
    notify: bool = False
    fulfill_despite_attention: Sequence[int] = ()
    retry_of: BulkJob | None = None
    expected: int | None = None
    confirmation: str = ""


def start(*, new_job: NewJob, by: Actor, at: datetime) -> BulkJob:
    """Create a job of the orders selected now; raises SelectionChanged. The caller enqueues `work_job`."""
    confirmation = f"{by.user_id}:{new_job.confirmation}"[:80] if new_job.confirmation else None
    with transaction.atomic():
        existing = _find_confirmed(confirmation)
        if existing:
            return existing
        job = BulkJob.objects.create(
            confirmation=confirmation,
            action=new_job.action,
            selection=dict(new_job.selection),
            reason=new_job.reason,
            parameters=dict(new_job.parameters),
            restock=new_job.restock,
            notify=new_job.notify,
            fulfill_despite_attention=list(new_job.fulfill_despite_attention),
            retry_of=new_job.retry_of,
            total=0,
            created_at=at,
            rights_of_id=by.user_id,
            **by.columns,
        )
        job.total = _freeze(job, new_job)
        job.save(update_fields=["total"])
        if not job.total or new_job.expected not in {None, job.total}:
            raise SelectionChanged
        record_job(job, Act.RETRIED if job.retry_of else Act.STARTED, by=by)
    return job


def _find_confirmed(confirmation: str | None) -> BulkJob | None:
    if confirmation is None:
        return None
    # A second submission of the same page waits here, and then finds the job of the first.
    lock_in_transaction(LockSpace.CONFIRMATION, confirmation)
    return BulkJob.objects.filter(confirmation=confirmation).first()


def _freeze(job: BulkJob, new_job: NewJob) -> int:
    try:
        sql, params = new_job.orders.order_by().values_list(new_job.id_field).query.sql_with_params()
    except EmptyResultSet:  # Django knows without a query that nothing matches
        return 0
    # Inside PostgreSQL alone: the ids of a million orders never reach this process.
    with connection.cursor() as cursor:
        cursor.execute(FREEZE.format(sql), [job.pk, SLICE, *params])
        cursor.execute(
            "SELECT COALESCE(SUM(cardinality(order_ids)), 0) FROM ecommerce_bulkjobslice WHERE job_id = %s", [job.pk]
        )
        (total,) = cursor.fetchone() or (0,)
    return int(total)


def copy_slices(*, source: BulkJob, target: BulkJob) -> None:
    """Give `target` the same frozen selection as `source`."""
    for each in source.slices.order_by("number").iterator(chunk_size=100):
        BulkJobSlice.objects.create(job=target, number=each.number, order_ids=each.order_ids)
