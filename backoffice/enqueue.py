"""How any Celery task is enqueued."""

from collections.abc import Sequence
from typing import Any

from celery import Task
from django.db import transaction


def enqueue_on_commit(task: Task[Any, Any], **ids: int | Sequence[str]) -> None:
    """Enqueue a task once the transaction is committed.

    The rows are the queue and a message only wakes a worker: with Redis gone this is logged, and the sweep finds the
    row.
    """
    # No partial: to log a failure, Django reads the function's __qualname__, which a partial lacks.
    transaction.on_commit(lambda: task.delay(**ids), robust=True)
