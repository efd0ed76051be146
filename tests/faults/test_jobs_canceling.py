"""Bulk jobs while workers die, messages are lost and Stripe misbehaves: one outcome an order, one refund, by itself."""

import time
from collections.abc import Callable
from typing import Any

import pytest
import redis
from django.conf import settings

from ecommerce.bulk_jobs.outcomes import Progress
from ecommerce.models import BulkJob, BulkJobItem, Order
from ecommerce.tasks import enqueue_job
from tests.faults.conftest import House
from tests.support.bulk_jobs import a_clerk, a_job
from tests.support.selling import sell

pytestmark = pytest.mark.django_db(transaction=True)
Ledger = Callable[[], dict[str, Any]]

# 150 ms a call, 2 % told to slow down, 1 % broken, 1 % of the answers lost after the work was done.
USUAL: list[dict[str, Any]] = [
    {"match": "POST /v1/refunds", "fault": "delay", "delay_ms": 150},
    {"match": "POST /v1/refunds", "fault": "status", "status": 429, "probability": 0.02},
    {"match": "POST /v1/refunds", "fault": "status", "status": 500, "probability": 0.01},
    {"match": "POST /v1/refunds", "fault": "drop_after", "probability": 0.01},
]


class Killer:
    """Kills the worker each time that some more orders have their outcome."""

    def __init__(self, house: House, kills: int, total: int) -> None:
        self.house, self.kills, self.total = house, kills, total
        self.worker, self.killed = house.worker("worker-0"), 0

    def watch(self, job: BulkJob) -> None:
        if self.killed < self.kills and Progress(job).ended >= self.total * (self.killed + 0.5) / (self.kills + 1):
            self.worker.kill()
            self.killed += 1
            self.worker = self.house.worker(f"worker-{self.killed}")


def over(job: BulkJob, within: float, meanwhile: Callable[[BulkJob], None] = lambda _job: None) -> float:
    """Wait until a job has ended by itself; give the seconds that it took."""
    begun = time.monotonic()
    while job.status in {"queued", "running", "stopping"}:
        assert time.monotonic() - begun < within, f"{job}: {vars(Progress(job))} after {within} s"
        meanwhile(job)
        time.sleep(0.2)
        job.refresh_from_db()
    return time.monotonic() - begun


def check(job: BulkJob, ledger: Ledger, count: int) -> None:
    refunds = ledger()["refunds"]
    assert len({each["payment_intent"] for each in refunds}) == len(refunds) == count
    assert Order.objects.filter(status="canceled").count() == count
    assert BulkJobItem.objects.filter(job=job, status="done").count() == count
    assert (job.status, job.items.count()) == ("succeeded", count)


@pytest.mark.full
@pytest.mark.parametrize(
    ("count", "kills", "within"),
    [(40, 2, 200), (10_000, 5, 1_500)],
    ids=["40", "10000"],
)
def test_canceling_goes_on_by_itself_however_often_its_worker_is_killed(
    count: int, kills: int, within: float, house: House, balanced: Callable[[], None], ledger: Ledger
) -> None:
    sell(count)
    house.stack.fake_stripe.faults(*USUAL)
    job = a_job("cancel", Order.objects.all(), a_clerk())
    house.beat()
    killer = Killer(house, kills, count)
    enqueue_job(job)
    took = over(job, within, killer.watch)
    print(f"\n{count} orders canceled in {took:.0f} s, the worker killed {killer.killed} times")  # noqa: T201

    assert killer.killed == kills
    check(job, ledger, count)


@pytest.mark.parametrize("count", [6, pytest.param(30, marks=pytest.mark.full)])
def test_two_overlapping_jobs_with_lost_messages_send_each_refund_once(
    count: int, house: House, balanced: Callable[[], None], ledger: Ledger
) -> None:
    sell(count)
    house.stack.fake_stripe.faults(*USUAL)
    ben, cleo = a_clerk(), a_clerk("cleo")
    keys = list(Order.objects.order_by("pk").values_list("pk", flat=True))
    first = a_job("cancel", Order.objects.filter(pk__in=keys[: count * 2 // 3]), ben)
    second = a_job("cancel", Order.objects.filter(pk__in=keys[count // 3 :]), cleo)
    for job in (first, second):
        enqueue_job(job)
    redis.Redis.from_url(settings.REDIS_URL).flushall()
    house.worker()
    house.beat()
    over(first, 120)
    over(second, 120)

    assert len(ledger()["refunds"]) == count
    assert Order.objects.filter(status="canceled").count() == count
    assert BulkJobItem.objects.filter(status="done").count() >= count
    for item in BulkJobItem.objects.exclude(status="done"):
        assert item.status == "skipped"
        assert "is canceled (by " in item.reason
