"""PostgreSQL advisory locks: one caller at a time for a key that has no row yet to lock."""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum

from django.db import Error, connection


class LockSpace(IntEnum):
    """What the keys are of; equal keys of two spaces don't meet."""

    PLACEMENT = 0
    CONFIRMATION = 1
    REFRESH_TOKEN = 2
    JOB_PROCESS = 3
    MAIL_SENDER = 4
    TRACKING_FILE = 5
    DOCUMENTS = 6
    CARD_ATTEMPTS = 12


def lock_in_transaction(space: LockSpace, key: str) -> None:
    """Wait for the key, and keep it until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, %s))", [key, space])


def try_session_lock(space: LockSpace, key: str) -> bool:
    """Take the key, if it is free, until it is released or the connection ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(hashtextextended(%s, %s))", [key, space])
        (taken,) = cursor.fetchone() or (False,)
    return bool(taken)


def release_session_lock(space: LockSpace, key: str) -> None:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(hashtextextended(%s, %s))", [key, space])
    except Error:
        connection.close()  # the lock ends with it


@contextmanager
def session_lock(space: LockSpace, key: str = "") -> Iterator[bool]:
    """Yield whether the key was free; if it was, it is kept until the end of the block."""
    if not try_session_lock(space, key):
        yield False
        return
    try:
        yield True
    finally:
        release_session_lock(space, key)
