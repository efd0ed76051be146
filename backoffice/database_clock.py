"""The clock that decides: the database's, one for all processes, whatever the clocks of their machines say.

In queries it is Django's `Now()`, on PostgreSQL the time of the statement, which goes on inside a transaction. Leases,
due times and time-outs are compared and written by it; durations inside a process are measured by `time.monotonic()`.
"""

from datetime import datetime

from django.db import connection


def now() -> datetime:
    """Ask the database for its time: one short query."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement_timestamp()")
        (moment,) = cursor.fetchone() or (None,)
    assert isinstance(moment, datetime)  # noqa: S101 - for the type checker
    return moment
