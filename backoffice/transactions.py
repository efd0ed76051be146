"""Transactions: what may not be done inside one, and how one ends."""

from django.db import connection, transaction


def refuse_in_transaction(subject: str) -> None:
    """Raise RuntimeError inside a transaction, whose locks would be held for as long as the call takes.

    A test case's own, which is rolled back at its end, does not count.
    """
    # `atomic(durable=True)` leaves it out of account in the same way.
    if any(not block._from_testcase for block in transaction.get_connection().atomic_blocks):  # noqa: SLF001
        raise RuntimeError(f"{subject} is called outside transactions only.")


def without_sync_commit() -> None:
    """Let this transaction commit without waiting for the disk; only for what a crash may undo without harm."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL synchronous_commit TO off")
