"""How a message is sent, a bell for rows that are the queue; and the tasks of Stripe's events and of reconciling."""

import time
from typing import Any

from celery import Task, shared_task
from django.db import transaction
from django.utils import timezone

from billing import inbox
from billing import reconcile as reconciling

TURN_SECONDS = 20


def ring(task: Task[Any, Any], **ids: int) -> None:
    """Send a task once the transaction is committed. With Redis gone it is logged, and the sweep finds the row."""
    # No partial: Django names what failed by its __qualname__, and would fail itself.
    transaction.on_commit(lambda: task.delay(**ids), robust=True)


@shared_task(name="billing.process_event")
def process_event(*, event_id: int) -> None:
    """Work on an event of Stripe's, if that is still to be done."""
    inbox.work_on(event_id=event_id, at=timezone.now())


@shared_task(name="billing.reconcile_nightly")
def reconcile_nightly() -> None:
    """Begin to hold our money against Stripe's records."""
    ring(reconcile, reconciliation_id=reconciling.begin(at=timezone.now()).pk)


@shared_task(name="billing.reconcile")
def reconcile(*, reconciliation_id: int) -> None:
    """Go on with a reconciliation for a while, and ring again if more is to be done."""
    if reconciling.work(reconciliation_id=reconciliation_id, until=time.monotonic() + TURN_SECONDS):
        ring(reconcile, reconciliation_id=reconciliation_id)
