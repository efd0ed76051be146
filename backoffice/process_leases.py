"""Leases on work that one process does at a time, such as sending mails: who has it, and until when.

They keep work in few hands and nothing right, which is what the leases on rows do: a process that stalls for longer
than its lease finds another one beside it. A row and the database's clock, not a lock of a session, of which there is
none behind a pooler in transaction mode (docs/decisions/0026). A killed process loses it by doing nothing.
"""

import logging
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import DatabaseError, InterfaceError, connection
from django.db.models import Q
from django.db.models.functions import Now

from backoffice.models import ProcessLease

logger = logging.getLogger(__name__)

LEASE = timedelta(seconds=30)
RENEWED_EVERY = 1.0  # second, however small the steps of the work
FORGOTTEN_AFTER = timedelta(days=1)
# By the time of the statement, which goes on inside a transaction, as all leases.
TAKE = """
INSERT INTO backoffice_processlease (name, holder, ends_at) VALUES (%s, %s, statement_timestamp() + %s)
ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, ends_at = excluded.ends_at
WHERE backoffice_processlease.ends_at <= statement_timestamp()
"""


@dataclass(slots=True)
class _Held:
    name: str
    holder: uuid.UUID
    lease: timedelta
    renewed_at: float
    """A moment of the monotonic clock."""


_held: ContextVar[tuple[_Held, ...]] = ContextVar("held", default=())


@contextmanager
def process_lease(name: str, *, lease: timedelta = LEASE) -> Iterator[bool]:
    """Yield whether the work was free; if it was, no other process gets it while this one calls `renew` in time."""
    held = _Held(name, uuid.uuid4(), lease, time.monotonic())
    values: tuple[Any, ...] = (name, held.holder, lease)
    with connection.cursor() as cursor:
        cursor.execute(TAKE, values)
        taken = cursor.rowcount == 1
    if not taken:
        yield False
        return
    token = _held.set((*_held.get(), held))
    try:
        yield True
    finally:
        _held.reset(token)
        _release(held)


def renew() -> None:
    """Prolong what this thread holds; to be called between two steps of the work."""
    for held in _held.get():
        if time.monotonic() - held.renewed_at >= RENEWED_EVERY:
            held.renewed_at = time.monotonic()
            ProcessLease.objects.filter(name=held.name, holder=held.holder).update(ends_at=Now() + held.lease)


def _release(held: _Held) -> None:
    try:
        killed = Q(ends_at__lt=Now() - FORGOTTEN_AFTER)
        ProcessLease.objects.filter(Q(name=held.name, holder=held.holder) | killed).delete()
    except (DatabaseError, InterfaceError) as error:
        logger.warning("The lease on %s was not given back, and runs out by itself: %s", held.name, error)
        connection.close()
