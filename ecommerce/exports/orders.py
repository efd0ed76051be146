"""What a job's two files hold, as blocks of bytes: its orders or their items, and the outcome of each order."""

import csv
import io
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from decimal import Decimal

from backoffice.spreadsheets import escape_formula_sql
from backoffice.writers import BOM, Format, Workbook
from ecommerce.exports.copy_stream import BLOCK_BYTES, Cursor, copy_blocks, snapshot_cursor, snapshot_cursors
from ecommerce.exports.item_resource import ItemResource
from ecommerce.exports.order_resource import Column, CopiedResource, OrderResource
from ecommerce.models import BulkJob
from ecommerce.models.id_arrays import array_of

SLICES_PER_COPY = 10  # 5,000 orders, 1.5 MB
CONNECTIONS = 2  # COPYs side by side: each keeps one core of the database busy
OUTCOMES = f"""
COPY (
    SELECT o.number AS "order", COALESCE(i.status, CASE WHEN %(all_done)s THEN 'done' ELSE 'pending' END) AS outcome,
        NULLIF({escape_formula_sql("i.reason")}, '') AS reason
    FROM ecommerce_bulkjobslice s CROSS JOIN LATERAL unnest(s.order_ids) AS frozen(id)
    JOIN ecommerce_order o ON o.id = frozen.id
    LEFT JOIN ecommerce_bulkjobitem i ON i.job_id = s.job_id AND i.order_id = o.id
    WHERE s.job_id = %(job)s ORDER BY s.number, frozen.id
) TO STDOUT (FORMAT csv, HEADER)
"""  # noqa: S608 - of our own words


def order_rows(job: BulkJob, on_progress: Callable[[int], None]) -> Iterator[bytes]:
    """All rows are of one snapshot; `on_progress` gets the number of orders so far, and may raise to end it."""
    form = Format.named(job.selection.get("format"))
    fields = _resource(job).fields
    if form == Format.XLSX:
        yield from _workbook(job, on_progress, fields)
        return
    bom = BOM if form == Format.EXCEL else ""
    yield f"{bom}{form.delimiter.join(fields)}\r\n".encode()
    yield from _copied(job, form, on_progress)


def _resource(job: BulkJob) -> CopiedResource:
    return ItemResource() if job.parameters.get("rows") == "items" else OrderResource()


def _workbook(job: BulkJob, on_progress: Callable[[int], None], fields: Mapping[str, Column]) -> Iterator[bytes]:
    book = Workbook(list(fields))
    numbers = [field.is_number for field in fields.values()]
    for block in _copied(job, Format.XLSX, on_progress):
        for cells in csv.reader(io.StringIO(block.decode(), newline="")):
            book.add([_number(cell) if is_number else cell for cell, is_number in zip(cells, numbers, strict=True)])
    book.close()
    with book.file as file:
        while block := file.read(BLOCK_BYTES):
            yield block


def _number(cell: str) -> int | Decimal | None:
    if not cell:
        return None
    return Decimal(cell) if "." in cell else int(cell)


def _copied(job: BulkJob, form: Format, on_progress: Callable[[int], None]) -> Iterator[bytes]:
    rows = 0
    copy = f"COPY ({_resource(job).select(form)}) TO STDOUT (FORMAT csv, DELIMITER '{form.delimiter}')"
    with snapshot_cursors(CONNECTIONS) as cursors, ThreadPoolExecutor(CONNECTIONS) as pool:
        # At most one COPY a connection is ahead of the reader: that bounds the memory.
        ahead = deque[tuple[int, Future[bytes]]]()
        for number, ids in enumerate(_id_batches(job)):
            if len(ahead) == CONNECTIONS:
                rows += ahead[0][0]
                yield ahead.popleft()[1].result()
                on_progress(rows)
            ahead.append((len(ids), pool.submit(_copy, cursors[number % CONNECTIONS], copy, ids)))
        for count, block in ahead:
            rows += count
            yield block.result()
            on_progress(rows)


def _id_batches(job: BulkJob) -> Iterator[list[int]]:
    slices = job.slices.order_by("number").values_list("order_ids", flat=True)
    first = 0
    while batch := list(slices[first : first + SLICES_PER_COPY]):
        yield [order_id for order_ids in batch for order_id in order_ids]
        first += SLICES_PER_COPY


def _copy(cursor: Cursor, statement: str, ids: Sequence[int]) -> bytes:
    return b"".join(copy_blocks(cursor, statement, {"ids": array_of(ids)}))


def outcome_rows(job: BulkJob) -> Iterator[bytes]:
    # An export has no items: once its file is there, all of its orders are done.
    all_done = job.action == BulkJob.Action.EXPORT and job.status == BulkJob.Status.SUCCEEDED
    with snapshot_cursor() as cursor:
        yield from copy_blocks(cursor, OUTCOMES, {"job": job.pk, "all_done": all_done})
