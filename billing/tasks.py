"""How a message is sent, a bell for rows that are the queue; and the tasks of Stripe's events and of reconciling."""

import time
from typing import Any

from celery import Task, shared_task
from django.db import transaction
from django.utils import timezone

from billing.reconciliation import run as reconciling
from billing.webhooks import processing

TURN_SECONDS = 20


def enqueue_on_commit(task: Task[Any, Any], **ids: int) -> None:
    """Send a task once the transaction is committed. With Redis gone it is logged, and the sweep finds the row."""
    # No partial: Django names what failed by its __qualname__, and would fail itself.
    transaction.on_commit(lambda: task.delay(**ids), robust=True)


@shared_task(name="billing.process_event")
def process_event(*, event_id: int) -> None:
    """Work on an event of Stripe's, if that is still to be done."""
    processing.process(event_id=event_id, at=timezone.now())


@shared_task(name="billing.reconcile_nightly")
def reconcile_nightly() -> None:
    """Begin to hold our money against Stripe's records."""
    enqueue_on_commit(reconcile, reconciliation_id=reconciling.begin(at=timezone.now()).pk)


@shared_task(name="billing.reconcile")
def reconcile(*, reconciliation_id: int) -> None:
    """Go on with a reconciliation for a while, and ring again if more is to be done."""
    if reconciling.work(reconciliation_id=reconciliation_id, until=time.monotonic() + TURN_SECONDS):
        enqueue_on_commit(reconcile, reconciliation_id=reconciliation_id)
