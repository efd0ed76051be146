"""Writing files of orders: PostgreSQL's COPY, streamed into the storage as it comes, in a memory that stays flat."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import Any, cast

import psycopg
from django.core.files.base import File
from django.core.files.storage import Storage, storages
from django.db import connection

from ecommerce.models import BulkJob
from ecommerce.models.order import array_of
from ecommerce.resources import OrderResource, neutral_sql

Cursor = psycopg.Cursor[Any]

SLICES_AT_ONCE = 10  # of a COPY: 5,000 orders, 1.5 MB
READERS = 2  # COPYs side by side: each keeps one core of the database busy
BLOCK = 1 << 18  # bytes of a block
# A plan made for these orders alone: the planner would rather read whole tables, again for each COPY.
PLANNED = (
    "SET LOCAL jit TO off",
    "SET LOCAL enable_seqscan TO off",
    "SET LOCAL enable_hashjoin TO off",
    "SET LOCAL max_parallel_workers_per_gather TO 0",
)
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
    resource, rows = OrderResource(), 0
    copy = f"COPY ({resource.select()}) TO STDOUT (FORMAT csv)"
    yield (",".join(resource.fields) + "\r\n").encode()
    with _readers(READERS) as readers, ThreadPoolExecutor(READERS) as pool:
        ahead = deque[tuple[int, Future[bytes]]]()
        for number, ids in enumerate(_parts(job)):
            if len(ahead) == READERS:
                rows += ahead[0][0]
                yield ahead.popleft()[1].result()
                tell(rows)
            ahead.append((len(ids), pool.submit(_copied, readers[number % READERS], copy, ids)))
        for count, last in ahead:
            rows += count
            yield last.result()
            tell(rows)


def _parts(job: BulkJob) -> Iterator[list[int]]:
    slices = job.slices.order_by("number").values_list("order_ids", flat=True)
    first = 0
    while part := list(slices[first : first + SLICES_AT_ONCE]):
        yield [order_id for order_ids in part for order_id in order_ids]
        first += SLICES_AT_ONCE


def _copied(reader: Cursor, statement: str, ids: Sequence[int]) -> bytes:
    return b"".join(_blocks(reader, statement, {"ids": array_of(ids)}))


def outcome_rows(job: BulkJob) -> Iterator[bytes]:
    """Give the outcome of each order of a job as CSV, in blocks."""
    done = job.action == BulkJob.Action.EXPORT and job.status == BulkJob.Status.SUCCEEDED
    with _reader() as cursor:
        yield from _blocks(cursor, OUTCOMES, {"job": job.pk, "all_done": done})


@contextmanager
def _readers(count: int) -> Iterator[list[Cursor]]:
    """Open connections that all see the same moment."""
    with ExitStack() as opened:
        first = opened.enter_context(_reader())
        (moment,) = first.execute("SELECT pg_export_snapshot()").fetchone() or ("",)
        others = [opened.enter_context(_reader(moment)) for _each in range(count - 1)]
        for reader in (first, *others):
            for setting in PLANNED:
                reader.execute(cast("Any", setting))
        yield [first, *others]


@contextmanager
def _reader(moment: str = "") -> Iterator[Cursor]:
    """Open a connection of its own, which sees one moment: Django's goes on with its short transactions."""
    with psycopg.connect(**connection.get_connection_params()) as own:
        own.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        own.read_only = True
        with own.cursor() as cursor:
            if moment:
                cursor.execute("SET TRANSACTION SNAPSHOT %s", [moment])
            cursor.execute("SET LOCAL TimeZone TO 'UTC'")
            cursor.execute("SET LOCAL statement_timeout TO 0")
            cursor.execute("SET LOCAL idle_in_transaction_session_timeout TO 0")
            yield cursor


def _blocks(cursor: Cursor, statement: str, params: Any) -> Iterator[bytes]:
    """Give rows in blocks; each message of COPY is a row, ended as RFC 4180 wants it."""
    rows: list[Any] = []
    size = 0
    with cursor.copy(cast("Any", statement), params) as copy:
        for row in copy:
            rows.append(row)
            size += len(row)
            if size > BLOCK:
                yield _ended(rows)
                rows, size = [], 0
    if rows:
        yield _ended(rows)


def _ended(rows: Sequence[Any]) -> bytes:
    block = b"".join(rows)
    if block.count(b"\n") == len(rows):
        return block.replace(b"\n", b"\r\n")
    # Somebody typed a line end into a cell: it stays as it is.
    return b"".join(bytes(row)[:-1] + b"\r\n" for row in rows)


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
