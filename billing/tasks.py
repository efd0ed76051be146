"""How a message is sent: a bell for rows that are the queue."""

from functools import partial
from typing import Any

from celery import Task
from django.db import transaction


def ring(task: Task[Any, Any], **ids: int) -> None:
    """Send a task once the transaction is committed. With Redis gone it is logged, and the sweep finds the row."""
    transaction.on_commit(partial(task.delay, **ids), robust=True)
