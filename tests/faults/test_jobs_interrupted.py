"""Jobs over twenty thousand orders while all they stand on breaks: one outcome an order, a whole file, by itself."""

import csv
import random
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
import redis
from django.conf import settings
from django.core.management import call_command
from django.db import connection

from backoffice.file_storage import storage
from ecommerce.bulk_jobs.outcomes import Progress
from ecommerce.models import BulkJob, BulkJobItem, Fulfillment, Order, OrderEvent
from ecommerce.tasks import enqueue_job
from tests.faults.conftest import House
from tests.support.bulk_jobs import a_clerk, a_job

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.full]
KILLS = 10
RECOVERED = 75  # seconds after any one interruption


class Interruptions:
    """The worker killed ten times and ended politely once, Redis emptied, PostgreSQL restarted: in any order."""

    def __init__(self, house: House) -> None:
        self.house, self.worker, self.done = house, house.worker("worker-0"), 0
        self.next = [self.kill] * KILLS + [self.end, self.empty_redis, self.restart_postgres]
        random.Random(4).shuffle(self.next)

    def one(self) -> None:
        self.done += 1
        self.next.pop()()

    def kill(self) -> None:
        self.worker.kill()
        self.worker = self.house.worker(f"worker-{self.done}")

    def end(self) -> None:
        self.worker.stop()
        self.worker = self.house.worker(f"worker-{self.done}")

    def empty_redis(self) -> None:
        redis.Redis.from_url(settings.REDIS_URL).flushall()

    def restart_postgres(self) -> None:
        connection.close()
        self.house.stack.postgres.stop()
        self.house.stack.postgres.start()


def see_through(job: BulkJob, house: House, progress: Callable[[], int]) -> None:
    """Interrupt a job each time that it has come a little further, until it has ended by itself."""
    interruptions = Interruptions(house)
    step = 0.7 * job.total / len(interruptions.next)  # the last while there is still something to do
    house.beat()
    enqueue_job(job)
    last, seen = time.monotonic(), 0
    while job.finished_at is None:
        assert time.monotonic() - last < RECOVERED, f"{job}: {vars(Progress(job))}, nothing happens"
        now = progress()
        if now != seen:
            last, seen = time.monotonic(), now
        if interruptions.next and now >= step * (interruptions.done + 0.5):
            interruptions.one()
            last = time.monotonic()
        time.sleep(0.01)
        job.refresh_from_db()
    assert interruptions.next == []


@pytest.fixture
def paid() -> Any:
    """Give twenty thousand paid orders."""
    call_command("generate_orders", 58_000, verbosity=0)
    ids = Order.objects.paid().order_by("pk").values("pk")[:20_000]
    return Order.objects.filter(pk__in=ids)


def test_each_of_twenty_thousand_orders_is_fulfilled_once(paid: Any, house: House) -> None:
    sent_before = Fulfillment.objects.filter(order__in=paid).count()  # of those that are partly fulfilled
    job = a_job("fulfill", paid, a_clerk())
    see_through(job, house, lambda: BulkJobItem.objects.filter(job=job).count())

    assert (job.status, job.total) == ("succeeded", 20_000)
    ids = set(job.items.filter(status="done").values_list("order_id", flat=True))
    assert len(ids) == 20_000 == job.items.count()
    assert Order.objects.filter(pk__in=ids, status="fulfilled").count() == 20_000
    assert Fulfillment.objects.filter(order__in=ids).count() == 20_000 + sent_before
    events = OrderEvent.objects.filter(kind="fulfilled", order__in=ids).values_list("order_id", flat=True)
    assert set(Counter(events).values()) == {1}


def test_an_export_is_whole_or_is_not_there(house: House) -> None:
    call_command("generate_orders", 20_000, verbosity=0)
    house.beat()
    worker = house.worker("worker-0")
    job = a_job("export", Order.objects.all(), a_clerk())
    enqueue_job(job)
    begun, killed = time.monotonic(), set[str]()
    while job.finished_at is None:
        assert time.monotonic() - begun < 4 * RECOVERED
        assert job.file == ""
        writing = job.selection.get("writing", "")
        if writing not in {"", *killed} and len(killed) < 3:
            worker.kill()
            killed.add(writing)
            worker = house.worker(f"worker-{len(killed)}")
        time.sleep(0.01)
        job.refresh_from_db()

    assert (job.status, len(killed)) == ("succeeded", 3)
    with storage().open(job.file, "r") as file:
        numbers = [row["number"] for row in csv.DictReader(file)]
    assert numbers == list(Order.objects.order_by("pk").values_list("number", flat=True))
    assert [storage().exists(name) for name in killed] == [False] * 3
