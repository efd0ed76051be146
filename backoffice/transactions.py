"""Keeps calls that wait on others out of transactions, whose locks would be held for as long as the calls take."""

from django.db import transaction


def refuse_in_transaction(subject: str) -> None:
    """Raise RuntimeError inside a transaction. A test case's own, which is rolled back at its end, does not count."""
    # `atomic(durable=True)` leaves it out of account in the same way.
    if any(not block._from_testcase for block in transaction.get_connection().atomic_blocks):  # noqa: SLF001
        raise RuntimeError(f"{subject} is called outside transactions only.")
