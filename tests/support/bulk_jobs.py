"""Jobs for tests: made as the list makes them, and worked in the test's own process."""

import time
from typing import Any

from django.contrib.auth.models import Permission
from django.db.models import QuerySet
from django.utils import timezone

from customers.actors import Actor
from customers.models import User
from ecommerce.bulk_jobs import selection
from ecommerce.bulk_jobs.run import run_job
from ecommerce.bulk_jobs.selection import NewJob
from ecommerce.models import BulkJob, BulkJobItem, Order
from ecommerce.orders.cancel import cancel
from tests.support.factories import make_user

ACTIONS = ("export", "fulfill", "cancel", "return")


def a_clerk(username: str = "ben", actions: tuple[str, ...] = ACTIONS) -> User:
    """Make somebody who may do these to orders."""
    user = make_user(username)
    names = [*(f"{action}_order" for action in actions), "view_order", "view_bulkjob"]
    user.user_permissions.set(Permission.objects.filter(codename__in=names))
    return user


def a_job(action: str, orders: "QuerySet[Order] | list[Order]", by: User, **fields: Any) -> BulkJob:
    chosen = orders if isinstance(orders, QuerySet) else Order.objects.filter(pk__in=[order.pk for order in orders])
    new_job = NewJob(action=BulkJob.Action(action), orders=chosen, **fields)
    return selection.start(new_job=new_job, by=Actor.staff(by), at=timezone.now())


def work(job: BulkJob, *, seconds: float = 30) -> BulkJob:
    """Work on a job as a worker does, until it is over, or waits for something that no worker brings about."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        under_way = BulkJobItem.objects.filter(job=job, status="working").exists()
        more = run_job(job_id=job.pk, seconds=until - time.monotonic())
        job.refresh_from_db()
        if job.status not in {"queued", "running", "stopping"} or not (more or under_way or begun(job)):
            return job
        time.sleep(0 if more else 0.1)
    raise AssertionError(f"{job} is still {job.status} after {seconds} s.")


def begun(job: BulkJob) -> bool:
    return BulkJobItem.objects.filter(job=job, status="working").exists()


def run(action: str, orders: "QuerySet[Order] | list[Order]", by: User, **fields: Any) -> BulkJob:
    return work(a_job(action, orders, by, **fields))


def outcomes(job: BulkJob) -> dict[str, tuple[str, str]]:
    """Give, by the order's number, outcome and reason."""
    rows = job.items.order_by("order_id").values_list("order__number", "status", "reason")
    return {number: (status, reason) for number, status, reason in rows}


def cancel_by_hand(order: Order, by: User) -> Order:
    return cancel(order_id=order.pk, reason="Asked by phone", by=Actor.staff(by), at=timezone.now())
