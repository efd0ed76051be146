"""PostgreSQL advisory locks: one caller at a time for a key that has no row yet to lock.

Of a transaction alone: those of a session would stay on a pooler's connection (docs/decisions/0026).
"""

from enum import IntEnum

from django.db import connection


class LockSpace(IntEnum):
    """What the keys are of; equal keys of two spaces don't meet."""

    PLACEMENT = 0
    CONFIRMATION = 1
    REFRESH_TOKEN = 2
    CARD_ATTEMPTS = 12


def lock_in_transaction(space: LockSpace, key: str) -> None:
    """Wait for the key, and keep it until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, %s))", [key, space])
