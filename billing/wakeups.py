"""Which rows get a message that wakes a worker now, so that messages never pile up while workers are busy.

A row that was enqueued is not enqueued again for a while, however many sweeps see it. Where its queue is empty, the
message was lost, and it is enqueued again at once. Source of all times: the database's clock.
"""

from datetime import timedelta
from typing import Any

import redis
from django.db import models, transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from backoffice.redis_client import redis_client

REPEAT = timedelta(minutes=5)  # a message still in a queue that moves
REPEAT_FEW = timedelta(seconds=45)  # of rows that are few: jobs, reconciliations
LOST = timedelta(seconds=10)  # one on its way from the queue to a worker


def take_to_enqueue(rows: QuerySet[Any], *, queue: str, limit: int, repeat: timedelta = REPEAT) -> list[int]:
    """Mark up to `limit` of the rows as enqueued, in their order, and return their keys; the caller enqueues them."""
    age = repeat if queue_length(queue) else LOST
    with transaction.atomic():
        waiting = rows.filter(Q(enqueued_at=None) | Q(enqueued_at__lte=Now() - age))
        # Those that another sweep is enqueuing are skipped.
        locked = waiting.select_for_update(skip_locked=True, no_key=True, of=("self",))
        keys = [row.pk for row in locked.only("pk")[:limit]]
        mark_enqueued(rows.model, keys)
    return keys


def mark_enqueued(model: type[models.Model], keys: list[int]) -> None:
    """Note that a message for these rows is on its way."""
    model._default_manager.filter(pk__in=keys).update(enqueued_at=Now())  # noqa: SLF001 - Django's public name for it


def queue_length(queue: str) -> int:
    """Return how many messages wait in a queue; 1 where Redis can't say."""
    try:
        return int(redis_client().llen(queue))
    except redis.RedisError:
        return 1
