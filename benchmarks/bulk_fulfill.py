"""Bulk fulfill by one worker, beside raw SQL that writes the same rows, and a loop of transitions."""

from collections.abc import Sequence
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from benchmarks.figures import Figure, seconds
from benchmarks.isolated import OURS, IsolatedProcess
from benchmarks.orders import to_fulfill
from benchmarks.stock import acts
from customers.actors import Actor
from customers.models import User
from ecommerce.bulk_jobs import run, selection
from ecommerce.bulk_jobs.selection import NewJob
from ecommerce.models import BulkJob, BulkJobSlice, Order

ORDERS = 10_000
PROCESSES = 2  # of a worker as `make run` starts it, and as many as `enqueue_job` calls
STOCK_SHARE = 10  # a loop is as fast with a tenth of them
BY = "'staff', 'bench', %(user)s::bigint"
FLOOR = (
    "UPDATE ecommerce_order SET status = 'fulfilled', fulfilled_at = now() WHERE id = ANY(%(ids)s) AND status = 'paid'",
    f"""WITH parcels AS (
        INSERT INTO ecommerce_fulfillment (order_id, carrier, tracking_number, at, by_kind, by_label, by_user_id)
        SELECT id, '', '', now(), {BY} FROM unnest(%(ids)s::bigint[]) AS of(id) RETURNING id, order_id
    )
    INSERT INTO ecommerce_fulfillmentitem (fulfillment_id, item_id, quantity)
    SELECT parcels.id, i.id, i.quantity FROM parcels JOIN ecommerce_orderitem i USING (order_id)""",
    f"""INSERT INTO ecommerce_orderevent (order_id, kind, at, data, by_kind, by_label, by_user_id)
    SELECT id, 'fulfilled', now(), '{{}}', {BY} FROM unnest(%(ids)s::bigint[]) AS of(id)""",
    """INSERT INTO ecommerce_bulkjobitem (job_id, slice_id, order_id, status, reason, attempts)
    SELECT %(job)s, %(slice)s, id, 'done', '', 0 FROM unnest(%(ids)s::bigint[]) AS of(id)""",
)
UNDO = (
    "UPDATE ecommerce_order SET status = 'paid', fulfilled_at = NULL WHERE id = ANY(%(ids)s)",
    "UPDATE ecommerce_fulfillment SET voided_at = now() WHERE order_id = ANY(%(ids)s) AND voided_at IS NULL",
)


def figures(user: User, *, size: str, limit: int = ORDERS) -> list[Figure]:
    ids = to_fulfill(limit)
    ours = rate(user, ids, processes=PROCESSES)
    floor = len(ids) / _floor(user, ids)
    undo(ids)
    stock_ids = ids[: max(len(ids) // STOCK_SHARE, 1)]
    stock = len(stock_ids) / seconds(lambda: acts.fulfill(Order.objects.filter(pk__in=stock_ids), user))
    note = f"{len(ids):,} orders by a worker's {PROCESSES} processes, stock on {len(stock_ids):,}"
    return [Figure(name="bulk_fulfill", size=size, value=ours, unit="orders/s", floor=floor, stock=stock, note=note)]


def create_job(action: BulkJob.Action, user: User, ids: Sequence[int]) -> BulkJob:
    new_job = NewJob(action=action, orders=Order.objects.filter(pk__in=ids))
    return selection.start(new_job=new_job, by=Actor.staff(user), at=timezone.now())


def rate(user: User, ids: Sequence[int], *, processes: int) -> float:
    """Orders a second; the orders are paid again afterwards."""
    took = run_to_end(create_job(BulkJob.Action.FULFILL, user, ids), processes=processes)
    undo(ids)
    return len(ids) / took


def run_to_end(job: BulkJob, *, processes: int) -> float:
    """Have so many processes work on a job until it has succeeded; return the seconds."""
    workers = [IsolatedProcess("benchmarks.bulk_fulfill", OURS) for _ in range(processes)]
    for worker in workers:
        worker.start(job_id=job.pk)
    for worker in workers:
        worker.result()
    job.refresh_from_db()
    if job.status != BulkJob.Status.SUCCEEDED or job.started_at is None or job.finished_at is None:
        raise AssertionError(f"{job} ended {job.status}: {job.message}")
    return (job.finished_at - job.started_at).total_seconds()


def measure(*, job_id: int) -> bool:
    while BulkJob.objects.filter(pk=job_id, finished_at=None).exists():
        run.run_job(job_id=job_id, seconds=20)
    return True


def _floor(user: User, ids: Sequence[int]) -> float:
    done = {"status": BulkJob.Status.SUCCEEDED, "finished_at": timezone.now(), "total": len(ids)}
    job = BulkJob.objects.create(action=BulkJob.Action.FULFILL, **done, **Actor.staff(user).columns)
    job_slice = BulkJobSlice.objects.create(job=job, number=0, order_ids=ids, next_attempt_at=None)
    params = {"ids": ids, "user": user.pk, "job": job.pk, "slice": job_slice.pk}
    return seconds(lambda: _execute(FLOOR, params))


def undo(ids: Sequence[int]) -> None:
    _execute(UNDO, {"ids": ids})


def _execute(statements: Sequence[str], params: dict[str, Any]) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        for sql in statements:
            cursor.execute(sql, params)
