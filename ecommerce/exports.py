"""Writing files of orders: PostgreSQL's COPY, streamed into the storage as it comes, in a memory that stays flat."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, cast

import psycopg
from django.core.files.base import File
from django.core.files.storage import Storage, storages
from django.db import connection

from ecommerce.models import BulkJob
from ecommerce.resources import OrderResource, neutral_sql

ORDERS_AT_ONCE = 20  # slices of a COPY: 10,000 orders
BLOCK = 1 << 18  # bytes given to the storage at once
SLICES = "SELECT order_ids FROM ecommerce_bulkjobslice WHERE job_id = %s ORDER BY number OFFSET %s LIMIT %s"
OUTCOMES = f"""
COPY (
    SELECT o.number AS "order", COALESCE(i.status, CASE WHEN %(all_done)s THEN 'done' ELSE 'pending' END) AS outcome,
        NULLIF({neutral_sql("i.reason")}, '') AS reason
    FROM ecommerce_bulkjobslice s CROSS JOIN LATERAL unnest(s.order_ids) AS frozen(id)
    JOIN ecommerce_order o ON o.id = frozen.id
    LEFT JOIN ecommerce_bulkjobitem i ON i.job_id = s.job_id AND i.order_id = o.id
    WHERE s.job_id = %(job)s ORDER BY s.number, frozen.id
) TO STDOUT (FORMAT csv, HEADER)
"""  # noqa: S608 - of our own words


def storage() -> Storage:
    """Give where files of orders are kept."""
    return storages["exports"]


def order_rows(job: BulkJob, tell: Callable[[int], None]) -> Iterator[bytes]:
    """Give the file of a job's orders in blocks, all of one moment; `tell` hears how many rows there are so far."""
    resource, rows, offset = OrderResource(), 0, 0
    yield (",".join(resource.fields) + "\r\n").encode()
    with _snapshot() as cursor:
        while part := cursor.execute(SLICES, [job.pk, offset, ORDERS_AT_ONCE]).fetchall():
            ids = [order_id for (order_ids,) in part for order_id in order_ids]
            yield from _blocks(cursor, f"COPY ({resource.select()}) TO STDOUT (FORMAT csv)", [ids])
            offset, rows = offset + len(part), rows + len(ids)
            tell(rows)


def outcome_rows(job: BulkJob) -> Iterator[bytes]:
    """Give the outcome of each order of a job as CSV, in blocks."""
    done = job.action == BulkJob.Action.EXPORT and job.status == BulkJob.Status.SUCCEEDED
    with _snapshot() as cursor:
        yield from _blocks(cursor, OUTCOMES, {"job": job.pk, "all_done": done})


@contextmanager
def _snapshot() -> Iterator[psycopg.Cursor[Any]]:
    """Open a connection of its own, which sees one moment: Django's goes on with its short transactions."""
    params = connection.get_connection_params()
    with psycopg.connect(**params) as own:
        own.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        own.read_only = True
        with own.cursor() as cursor:
            cursor.execute("SET LOCAL TimeZone TO 'UTC'")
            cursor.execute("SET LOCAL statement_timeout TO 0")
            yield cursor


def _blocks(cursor: "psycopg.Cursor[Any]", statement: str, params: Any) -> Iterator[bytes]:
    """Give rows in blocks; each message of COPY is a row, ended as RFC 4180 wants it."""
    rows: list[bytes] = []
    size = 0
    with cursor.copy(cast("Any", statement), params) as copy:
        for row in copy:
            rows.append(bytes(row)[:-1])
            size += len(row)
            if size > BLOCK:
                yield b"\r\n".join(rows) + b"\r\n"
                rows, size = [], 0
    if rows:
        yield b"\r\n".join(rows) + b"\r\n"


class Stream(File):  # type: ignore[type-arg]
    """What is read from an iterator of blocks, as the storages want it."""

    def __init__(self, blocks: Iterator[bytes], name: str) -> None:
        super().__init__(None, name)
        self._blocks, self._rest = blocks, b""

    def chunks(self, chunk_size: int | None = None) -> Iterator[bytes]:  # noqa: ARG002 - File's signature
        """Give the blocks as they come."""
        return self._blocks

    def read(self, size: int = -1) -> bytes:
        """Give so many bytes, fewer only at the end."""
        while size < 0 or len(self._rest) < size:
            block = next(self._blocks, b"")
            if not block:
                break
            self._rest += block
        size = len(self._rest) if size < 0 else size
        given, self._rest = self._rest[:size], self._rest[size:]
        return given

    def readable(self) -> bool:
        """Say yes."""
        return True

    def seekable(self) -> bool:
        """Say no: it is read once."""
        return False


def remove(names: Sequence[str]) -> None:
    """Remove files, also those that are gone already."""
    for name in names:
        storage().delete(name)
