"""A rolling upgrade amid a cancel: the database first, then each program after the other; nothing stops."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, Self

import psycopg
import pytest
from django.db import connection

from ecommerce.bulk_jobs.outcomes import Progress
from ecommerce.models import BulkJob, Order
from ecommerce.tasks import enqueue_job
from pelcro_orders.celery import app
from tests.faults.conftest import House
from tests.faults.test_jobs_canceling import USUAL, check, over
from tests.faults.test_shutdown import WORKER_SECONDS, end
from tests.faults.website import Website, make_ada
from tests.support.bulk_jobs import a_clerk, a_job
from tests.support.factories import make_sku
from tests.support.selling import sell

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.full]
NEXT_RELEASE = {"DJANGO_SETTINGS_MODULE": "tests.faults.next_release.settings"}
WEB_SECONDS, LOCK_SECONDS = 30, 3  # of which the migration may keep one waiting for 1 s; the rest is a busy machine


@pytest.fixture
def house(house: House) -> Iterator[House]:
    yield house
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE ecommerce_order DROP COLUMN IF EXISTS next_release")
        cursor.execute("DELETE FROM django_migrations WHERE app = 'next_release'")


class Upgrade:
    """The steps, each once the job has come so far; what each took is kept."""

    def __init__(self, house: House, job: BulkJob) -> None:
        self.house = house
        self.job_id, self.total = job.pk, job.total
        self.workers = [house.worker("old-1"), house.worker("old-2")]
        self.web, self.beat = house.web(), house.beat()
        self.took: dict[str, float] = {}
        self.next: list[Callable[[], None]] = [
            self.migrate, self.replace_worker, self.send_new_messages, self.replace_web, self.replace_worker,
            self.replace_beat,
        ]  # fmt: skip
        self.steps = len(self.next)

    def watch(self, job: BulkJob) -> None:
        passed = self.steps - len(self.next)
        if self.next and Progress(job).ended >= self.total * (passed + 0.5) / (self.steps + 1):
            self.next.pop(0)()

    def migrate(self) -> None:
        self.house.extra = NEXT_RELEASE
        begun = time.monotonic()
        status, said = self.house.command("migrate")
        assert status == 0, said
        self.took["migrate"] = time.monotonic() - begun

    def replace_worker(self) -> None:
        new = self.house.worker(f"new-{len(self.next)}")
        old = self.workers.pop(0)
        self.took[old.name] = end(old, WORKER_SECONDS)
        self.workers.append(new)

    def send_new_messages(self) -> None:
        """As the next release's programs may, to one of the last that is still there."""
        app.send_task("ecommerce.of_the_next_release", kwargs={"order_id": 1})
        app.send_task("ecommerce.work_job", kwargs={"job_id": self.job_id, "in_haste": True})

    def replace_web(self) -> None:
        self.took["web"] = end(self.web, WEB_SECONDS)
        self.web = self.house.web()

    def replace_beat(self) -> None:
        self.took["beat"] = end(self.beat, WEB_SECONDS)
        self.beat = self.house.beat()


class Meanwhile:
    """A customer who orders and staff who write, all the time, until told to stop."""

    def __init__(self, house: House) -> None:
        self.stop, self.told, self.ordered, self.longest = threading.Event(), Counter[str](), 0, 0.0
        self.body = {"gateway_token": "tok_visa", "items": [{"sku_id": make_sku(code="ROLL").pk, "quantity": 1}]}
        make_ada()
        self.website = Website.entered(house.base_url)
        self.threads = [threading.Thread(target=each) for each in (self._order, self._write)]

    def __enter__(self) -> Self:
        for each in self.threads:
            each.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop.set()
        for each in self.threads:
            each.join(60)

    def _order(self) -> None:
        try:
            while not self.stop.wait(0.5):
                self.website.order_until_answered(self.body, f"roll-{self.ordered}", self.told)
                self.ordered += 1
        finally:
            connection.close()

    def _write(self) -> None:
        with psycopg.connect(**connection.get_connection_params()) as own:
            own.autocommit = True
            (key,) = own.execute("SELECT max(id) FROM ecommerce_order").fetchone() or (0,)
            while not self.stop.wait(0.02):
                begun = time.monotonic()
                own.execute("UPDATE ecommerce_order SET hold_reason = hold_reason WHERE id = %s", [key])
                self.longest = max(self.longest, time.monotonic() - begun)


@pytest.mark.parametrize(("count", "within"), [(3_000, 900), (10_000, 1_500)], ids=["3000", "10000"])
def test_nothing_stops_and_nothing_is_done_twice(
    count: int, within: float, house: House, balanced: Callable[[], None], ledger: Callable[[], dict[str, Any]]
) -> None:
    sell(count)
    house.stack.fake_stripe.faults(*USUAL)
    job = a_job("cancel", Order.objects.all(), a_clerk())
    upgrade = Upgrade(house, job)
    with Meanwhile(house) as meanwhile:
        enqueue_job(job)
        took = over(job, within, upgrade.watch)
    print(  # noqa: T201
        f"\n{count} orders canceled in {took:.0f} s; seconds of each step: {upgrade.took}; {meanwhile.ordered} orders "
        f"came in, {dict(meanwhile.told)}; the longest update waited {meanwhile.longest:.2f} s"
    )

    assert upgrade.next == []
    check(job, ledger, count)
    balanced()
    assert meanwhile.ordered > 0
    assert Order.objects.filter(status="paid", placement_key__startswith="roll-").count() == meanwhile.ordered
    assert meanwhile.longest < LOCK_SECONDS
    with connection.cursor() as cursor:
        cursor.execute("SELECT indisvalid FROM pg_index WHERE indexrelid = 'next_release'::regclass")
        assert cursor.fetchone() == (True,)
