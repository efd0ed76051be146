"""The crash between any two steps of a bulk job's worker: afterwards another worker brings it to its end."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.utils import timezone

from billing.models import Refund
from customers.models import Customer, User
from ecommerce.bulk_jobs import run as job_run
from ecommerce.models import BulkJob, BulkJobItem, Fulfillment, Order, OrderEvent, Sku
from tests.faults.crashing import crashes
from tests.support.bulk_jobs import a_clerk, a_job, work
from tests.support.factories import make_customer, make_sku, place_order
from tests.support.rows import a_paid_order

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(params=[29, pytest.param(1, marks=pytest.mark.full)], ids=["some steps", "every step"])
def stride(request: pytest.FixtureRequest) -> int:
    """Give how many steps lie between two crashes."""
    steps: int = request.param
    return steps


@pytest.fixture(autouse=True)
def small_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ecommerce.bulk_jobs.selection.SLICE", 2)


def recover(job: BulkJob) -> None:
    """Have leases run out, and another worker come."""
    job.slices.exclude(next_attempt_at=None).update(next_attempt_at=timezone.now())
    Refund.objects.filter(closed_at=None, next_attempt_at__isnull=False).update(next_attempt_at=timezone.now())
    job.refresh_from_db()
    work(job)
    assert job.status == "succeeded"
    assert set(BulkJobItem.objects.filter(job=job).values_list("status", flat=True)) == {"done"}


def crash_and_recover(jobs: Iterator[BulkJob], stride: int) -> None:
    steps = []
    for step in crashes(lambda: job_run.run_job(job_id=latest().pk, seconds=60), stride=stride):
        recover(latest())
        next(jobs)
        steps.append(step)
    assert steps[-1] > 30


def test_canceling_survives_a_crash_at_any_step(
    stride: int, balanced: Callable[[], None], ledger: Callable[[], dict[str, Any]]
) -> None:
    ben = a_clerk()
    make_customer()
    make_sku(stock=1_000)
    jobs = fresh_jobs("cancel", ben)
    crash_and_recover(jobs, stride if stride == 1 else 2 * stride)  # three times the steps of fulfilling
    balanced()
    canceled = Order.objects.filter(status="canceled").count()
    assert canceled == 3 * BulkJob.objects.count()
    assert len(ledger()["refunds"]) == canceled
    assert BulkJobItem.objects.filter(status="done").count() == canceled


def test_fulfilling_survives_a_crash_at_any_step(stride: int) -> None:
    ben = a_clerk()
    make_customer()
    make_sku()
    jobs = fresh_jobs("fulfill", ben)
    crash_and_recover(jobs, stride)
    fulfilled = Order.objects.filter(status="fulfilled").count()
    assert fulfilled == 3 * BulkJob.objects.count()
    assert Fulfillment.objects.count() == fulfilled
    assert OrderEvent.objects.filter(kind="fulfilled").count() == fulfilled
    assert BulkJobItem.objects.filter(status="done").count() == fulfilled


def fresh_jobs(action: str, by: User) -> Iterator[BulkJob]:
    """Make a job over three new orders at once, and another each time that one is asked for."""

    def made() -> Iterator[BulkJob]:
        while True:
            yield a_job(action, [an_order(action) for _each in range(3)], by)

    jobs = made()
    next(jobs)
    return jobs


def an_order(action: str) -> Order:
    return place_order() if action == "cancel" else a_paid_order(Customer.objects.get(), Sku.objects.get())


def latest() -> BulkJob:
    return BulkJob.objects.latest("pk")
