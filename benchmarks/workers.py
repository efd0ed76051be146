"""Several workers on one job: how much faster each more makes it."""

from collections.abc import Sequence

from benchmarks import fulfilling
from benchmarks.child import OURS, Child
from benchmarks.figures import Figure
from customers.models import User
from ecommerce.models import BulkJob, Order

COUNTS = (1, 2, 4)
ORDERS = 20_000


def figures(user: User, *, size: str, most: int = ORDERS) -> list[Figure]:
    """Fulfill the same orders with one, two and four workers."""
    ids = list(Order.objects.paid().order_by("pk").values_list("pk", flat=True)[:most])
    return [_figure(user, ids, count, size=size) for count in COUNTS]


def _figure(user: User, ids: Sequence[int], count: int, *, size: str) -> Figure:
    workers = [Child("benchmarks.workers", OURS) for _ in range(count)]
    job = fulfilling.a_job(BulkJob.Action.FULFILL, user, ids)
    for worker in workers:
        worker.begin(job_id=job.pk)
    for worker in workers:
        worker.answer()
    job.refresh_from_db()
    if job.status != BulkJob.Status.SUCCEEDED or job.started_at is None or job.finished_at is None:
        raise AssertionError(f"{job} ended {job.status}: {job.message}")
    fulfilling.put_back(ids)
    took = (job.finished_at - job.started_at).total_seconds()
    note = f"{len(ids):,} orders"
    return Figure(name=f"bulk_fulfill_by_{count}", size=size, value=len(ids) / took, unit="orders/s", note=note)


def measure(*, job_id: int) -> bool:
    """Work on a job in this process until it is over."""
    fulfilling.work(BulkJob.objects.get(pk=job_id))
    return True
