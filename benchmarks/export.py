"""Export of all orders: starting the job, the rate and memory of its file; beside one COPY and django-import-export."""

import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.test import Client
from django.utils import timezone

from benchmarks.figures import Figure, seconds
from benchmarks.isolated import OURS, STOCK, Memory, measure_isolated
from benchmarks.pages import HOST, LIST
from customers.actors import Actor
from customers.models import User
from ecommerce.bulk_jobs import export, permissions
from ecommerce.models import BulkJob

STOCK_ROWS = 20_000  # of a million, stock would fill the memory of a small machine
FREEZE = """
INSERT INTO ecommerce_bulkjobslice (job_id, number, order_ids, next_attempt_at, attempts, done, skipped, failed)
SELECT %s, id / 500, array_agg(id), NULL, 0, 0, 0, 0 FROM ecommerce_order GROUP BY id / 500
"""
COPY = """
COPY (
    SELECT o.number, o.status, c.email, c.first_name || ' ' || c.last_name, lines.items, lines.quantity, o.currency,
        o.subtotal, o.discount, o.shipping, o.tax, o.total, o.amount_refunded, k.code, o.placed_via, o.created_at,
        o.paid_at, o.fulfilled_at, o.canceled_at, o.returned_at, i.number, p.stripe_payment_intent_id,
        a.name, a.line1, a.line2, a.city, a.state, a.postal_code, a.country
    FROM ecommerce_order o
    JOIN customers_customer c ON c.id = o.customer_id
    LEFT JOIN ecommerce_coupon k ON k.id = o.coupon_id
    LEFT JOIN billing_invoice i ON i.id = o.invoice_id
    LEFT JOIN billing_payment p ON p.invoice_id = o.invoice_id AND p.status = 'succeeded'
    LEFT JOIN LATERAL (
        SELECT string_agg(quantity || ' x ' || sku_code, '; ' ORDER BY id) AS items, SUM(quantity) AS quantity
        FROM ecommerce_orderitem WHERE order_id = o.id
    ) lines ON true
    LEFT JOIN LATERAL jsonb_to_record(o.shipping_address) AS a(
        name text, line1 text, line2 text, city text, state text, postal_code text, country text
    ) ON true
    ORDER BY o.id
) TO STDOUT (FORMAT csv, HEADER)
"""


def figures(user: User, *, size: str, stock_rows: int = STOCK_ROWS) -> list[Figure]:
    started_in = _start(user)
    job = BulkJob.objects.latest("pk")
    ours = measure_isolated("benchmarks.export", OURS, job_id=job.pk)
    stock_rows = min(stock_rows, job.total)
    stock = measure_isolated("benchmarks.stock.export", STOCK, rows=stock_rows)
    note = f"{job.total:,} orders, stock on {stock_rows:,}"
    speed = {"value": ours["rows_per_second"], "floor": _copy(job.total), "stock": stock["rows_per_second"]}
    return [
        Figure(
            name="job_start", size=size, unit="s", value=started_in, floor=_freeze(user), note=f"{job.total:,} orders"
        ),
        Figure(name="export_csv", size=size, unit="rows/s", **speed, note=note),
        Figure(name="export_memory", size=size, unit="MB", value=ours["memory"], stock=stock["memory"], note=note),
    ]


def _start(user: User) -> float:
    """Seconds until the browser has its response to "Export" with all orders selected."""
    browser = Client(SERVER_NAME=HOST)
    browser.force_login(user, backend=settings.AUTHENTICATION_BACKENDS[0])
    browser.get(LIST)
    data = {"action": "export_orders", "select_across": "1", "_selected_action": "1"}
    return seconds(lambda: browser.post(LIST, data))


def _freeze(user: User) -> float:
    done = {"status": BulkJob.Status.STOPPED, "finished_at": timezone.now(), "total": 0}
    job = BulkJob.objects.create(action=BulkJob.Action.EXPORT, **done, **Actor.staff(user).columns)

    def freeze() -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(FREEZE, [job.pk])

    took = seconds(freeze)
    job.slices.all().delete()
    return took


def _copy(rows: int) -> float:
    """Rows a second of one COPY of the same columns into a file."""
    with TemporaryDirectory() as folder, (Path(folder) / "orders.csv").open("wb") as file, transaction.atomic():
        started = time.perf_counter()
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL statement_timeout TO 0")
            with cursor.copy(COPY) as copy:
                for block in copy:
                    file.write(block)
        return rows / (time.perf_counter() - started)


def measure(*, job_id: int) -> dict[str, Any]:
    job = BulkJob.objects.get(pk=job_id)
    permissions.missing_permission(job)  # opens the connection, as a worker has
    memory, started = Memory(), time.perf_counter()
    export.run_export(job_id)
    took = time.perf_counter() - started
    job.refresh_from_db()
    if job.status != BulkJob.Status.SUCCEEDED or job.file_rows != job.total:
        raise AssertionError(f"{job} ended {job.status} with {job.file_rows} of {job.total} rows: {job.message}")
    return {"rows_per_second": job.total / took, "memory": memory.above_start}
