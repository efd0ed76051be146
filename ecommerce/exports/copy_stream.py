"""PostgreSQL's COPY as a stream of CSV blocks, on connections that share one snapshot, in a memory that stays flat."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, cast

import psycopg
from django.db import connection
from django.utils import timezone

Cursor = psycopg.Cursor[Any]

BLOCK_BYTES = 1 << 18
# A plan made for these orders alone: the planner would rather read whole tables, again for each COPY.
PLANNER_SETTINGS = (
    "SET LOCAL jit TO off",
    "SET LOCAL enable_seqscan TO off",
    "SET LOCAL enable_hashjoin TO off",
    "SET LOCAL max_parallel_workers_per_gather TO 0",
)


@contextmanager
def snapshot_cursors(count: int) -> Iterator[list[Cursor]]:
    """Open so many connections that all see the database as it is now."""
    with ExitStack() as opened:
        first = opened.enter_context(snapshot_cursor())
        (snapshot,) = first.execute("SELECT pg_export_snapshot()").fetchone() or ("",)
        cursors = [first, *(opened.enter_context(snapshot_cursor(snapshot)) for _ in range(count - 1))]
        for cursor in cursors:
            for setting in PLANNER_SETTINGS:
                cursor.execute(cast("Any", setting))
        yield cursors


@contextmanager
def snapshot_cursor(snapshot: str = "") -> Iterator[Cursor]:
    # Not Django's connection: that one goes on with its short transactions meanwhile.
    with psycopg.connect(**connection.get_connection_params()) as own:
        own.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        own.read_only = True
        with own.cursor() as cursor:
            if snapshot:
                cursor.execute("SET TRANSACTION SNAPSHOT %s", [snapshot])
            cursor.execute("SELECT set_config('TimeZone', %s, true)", [timezone.get_current_timezone_name()])
            cursor.execute("SET LOCAL statement_timeout TO 0")
            cursor.execute("SET LOCAL idle_in_transaction_session_timeout TO 0")
            yield cursor


def copy_blocks(cursor: Cursor, statement: str, params: Any) -> Iterator[bytes]:
    """The rows of a COPY TO STDOUT in blocks of some BLOCK_BYTES, with the line ends of RFC 4180."""
    rows: list[Any] = []
    size = 0
    with cursor.copy(cast("Any", statement), params) as copy:
        for row in copy:  # each message of COPY is a row
            rows.append(row)
            size += len(row)
            if size > BLOCK_BYTES:
                yield _with_crlf(rows)
                rows, size = [], 0
    if rows:
        yield _with_crlf(rows)


def _with_crlf(rows: Sequence[Any]) -> bytes:
    block = b"".join(rows)
    if block.count(b"\n") == len(rows):
        return block.replace(b"\n", b"\r\n")
    # A cell has a line end in it, which stays as it was typed.
    return b"".join(bytes(row)[:-1] + b"\r\n" for row in rows)
