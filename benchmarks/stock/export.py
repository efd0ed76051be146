"""django-import-export, as its admin writes a file within the request."""

import time
from typing import Any

from django.db.models import QuerySet
from import_export.formats.base_formats import CSV

from benchmarks.isolated import Memory
from benchmarks.stock.admin import StockResource
from ecommerce.models import Order


def measure(*, rows: int) -> dict[str, Any]:
    resource = StockResource()
    orders: QuerySet[Order] = resource.get_queryset().order_by("id")[:rows]
    memory, started = Memory(), time.perf_counter()
    text = CSV().export_data(resource.export(queryset=orders))
    took = time.perf_counter() - started
    if text.count("\n") <= min(rows, 1):
        raise AssertionError("The stock export wrote nothing.")
    return {"rows_per_second": rows / took, "memory": memory.above_start}
