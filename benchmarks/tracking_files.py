"""A file of tracking numbers: previewed, and applied by one worker, beside raw SQL that writes the same rows."""

import time
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from benchmarks.bulk_fulfill import undo
from benchmarks.figures import Figure, seconds
from benchmarks.isolated import OURS, IsolatedProcess
from benchmarks.orders import to_fulfill
from customers.actors import Actor
from customers.models import User
from ecommerce.models import Order, TrackingFile
from ecommerce.tracking_files import apply, files

ROWS = 100_000
HEADER = "Order,Tracking number,Recipient,City\n"
COLUMNS = {"order": "Order", "number": "Tracking number"}
PREVIEW_FLOOR = (
    "CREATE TEMPORARY TABLE copied (order_number text, tracking_number text) ON COMMIT DROP",
    """INSERT INTO copied SELECT number, 'ABC' || number FROM ecommerce_order WHERE id = ANY(%(ids)s)""",
    """CREATE TEMPORARY TABLE judged ON COMMIT DROP AS
    SELECT o.id, c.tracking_number, o.status FROM copied c JOIN ecommerce_order o ON o.number = c.order_number""",
)
BY = "'staff', 'bench', %(user)s::bigint"
APPLY_FLOOR = (
    "UPDATE ecommerce_order SET status = 'fulfilled', fulfilled_at = now() WHERE id = ANY(%(ids)s) AND status = 'paid'",
    f"""WITH parcels AS (
        INSERT INTO ecommerce_fulfillment (order_id, carrier, tracking_number, at, by_kind, by_label, by_user_id)
        SELECT id, 'Van', 'ABC' || number, now(), {BY} FROM ecommerce_order WHERE id = ANY(%(ids)s)
        RETURNING id, order_id
    )
    INSERT INTO ecommerce_fulfillmentitem (fulfillment_id, item_id, quantity)
    SELECT parcels.id, i.id, i.quantity FROM parcels JOIN ecommerce_orderitem i USING (order_id)
    WHERE i.shippable""",
    f"""INSERT INTO ecommerce_orderevent (order_id, kind, at, data, by_kind, by_label, by_user_id)
    SELECT id, 'fulfilled', now(), '{{}}', {BY} FROM unnest(%(ids)s::bigint[]) AS of(id)""",
    "UPDATE ecommerce_trackingfilerow SET status = 'done' WHERE file_id = %(file)s",
)


def figures(user: User, *, size: str, limit: int = ROWS) -> list[Figure]:
    ids = to_fulfill(limit)
    numbers = list(Order.objects.filter(pk__in=ids).order_by("pk").values_list("number", flat=True))
    preview = len(ids) / seconds(lambda: _preview(user, numbers))
    file = TrackingFile.objects.latest("pk")
    preview_floor = len(ids) / _execute(PREVIEW_FLOOR, {"ids": ids})
    applied = len(ids) / _apply(file, user)
    undo(ids)
    apply_floor = len(ids) / _execute(APPLY_FLOOR, {"ids": ids, "user": user.pk, "file": file.pk})
    undo(ids)
    note = f"{len(ids):,} rows, applied by a worker's {apply.PARTS} processes"
    rates = (("tracking_preview", preview, preview_floor), ("tracking_apply", applied, apply_floor))
    return [
        Figure(name=name, size=size, value=value, unit="rows/s", floor=floor, stock=None, note=note)
        for name, value, floor in rates
    ]


def _preview(user: User, numbers: list[str]) -> None:
    """From the upload to the rows with what they would do, as the web process and a worker do it."""
    lines = (f"{number},ABC{number},Ada Lovelace,London\n" for number in numbers)
    data = (HEADER + "".join(lines)).encode()
    file = files.begin(name="bench.csv", data=data, carrier="Van", by=Actor.staff(user), at=timezone.now())
    if file.status == TrackingFile.Status.MAPPING:
        file = files.name_columns(file_id=file.pk, columns=COLUMNS)
    files.read(file_id=file.pk)


def _apply(file: TrackingFile, user: User) -> float:
    workers = [IsolatedProcess("benchmarks.tracking_files", OURS) for _ in range(apply.PARTS)]
    started = time.perf_counter()
    files.apply(file_id=file.pk, accept_doubtful=False, by=Actor.staff(user))
    for worker in workers:
        worker.start(file_id=file.pk)
    for worker in workers:
        worker.result()
    took = time.perf_counter() - started
    failed = file.rows.exclude(status="done").count()
    if failed:
        raise AssertionError(f"{failed} rows of {file} were not applied.")
    return took


def measure(*, file_id: int) -> bool:
    while apply.run(file_id=file_id, seconds=20):
        pass
    return True


def _execute(statements: tuple[str, ...], params: dict[str, Any]) -> float:
    def work() -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            for sql in statements:
                cursor.execute(sql, params)

    return seconds(work)
