"""Pages as a browser requests them: measured alike for ours and for stock, each in a process of its own."""

import re
import time
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from benchmarks import floors
from benchmarks.figures import Figure, median_ms
from benchmarks.isolated import OURS, STOCK, measure_isolated
from benchmarks.orders import Sample
from customers.models import User

HOST = "127.0.0.1"
PER_PAGE = 100
LIST = "/admin/ecommerce/order/"


def figures(sample: Sample, *, size: str, rounds: int) -> list[Figure]:
    ours = measure_isolated("benchmarks.pages", OURS, pages=our_pages(sample), user=sample.user, rounds=rounds)
    stock = measure_isolated("benchmarks.pages", STOCK, pages=stock_pages(sample), user=sample.user, rounds=rounds)
    return [
        Figure(
            name=name,
            size=size,
            value=page["ms"],
            unit="ms",
            floor=floors.page_ms(name, sample, rounds=rounds),
            stock=stock[name]["ms"],
            note=f"{page['queries']} queries, the slowest {page['slowest']:.1f} ms",
        )
        for name, page in ours.items()
    ]


def our_pages(sample: Sample) -> dict[str, tuple[str, str]]:
    """The URL of each page, and a text that it must show."""
    here = f"{LIST}?per_page={PER_PAGE}"
    return {
        "list_first": (here, sample.newest),
        "list_paid": (f"{here}&status__exact=paid", sample.newest_paid),
        "list_last": (f"{here}&last=1", sample.oldest),
        **_searches(sample, here),
        "order_page": (f"{LIST}{sample.order_id}/change/", sample.number),
    }


def stock_pages(sample: Sample) -> dict[str, tuple[str, str]]:
    return {
        "list_first": (LIST, sample.newest),
        "list_paid": (f"{LIST}?status__exact=paid", sample.newest_paid),
        "list_last": (f"{LIST}?p={-(-sample.count // PER_PAGE)}", sample.oldest),
        **_searches(sample, f"{LIST}?"),
        "order_page": (f"{LIST}{sample.order_id}/change/", sample.number),
    }


def _searches(sample: Sample, here: str) -> dict[str, tuple[str, str]]:
    return {
        "search_number": (f"{here}&q={sample.number}", sample.number),
        "search_email": (f"{here}&q={sample.email}", sample.number),
        "search_name": (f"{here}&q={sample.name.replace(' ', '+')}", sample.newest_of_name),
    }


def measure(*, pages: Mapping[str, tuple[str, str]], user: int, rounds: int) -> dict[str, dict[str, Any]]:
    browser = Client(SERVER_NAME=HOST)
    browser.force_login(User.objects.get(pk=user), backend=settings.AUTHENTICATION_BACKENDS[0])
    return {name: _measure_page(browser, url, shows, rounds=rounds) for name, (url, shows) in pages.items()}


def _measure_page(browser: Client, url: str, shows: str, *, rounds: int) -> dict[str, Any]:
    response = browser.get(url)
    if response.status_code != 200 or not re.search(rf"\b{re.escape(shows)}\b", response.content.decode()):
        raise AssertionError(f"{url} returned {response.status_code} and does not show {shows}.")
    ms = median_ms(lambda: browser.get(url), rounds=rounds)
    with CaptureQueriesContext(connection) as captured:
        browser.get(url)
    return {"ms": ms, "queries": len(captured), "slowest": _slowest(captured.captured_queries)}


def _slowest(queries: list[dict[str, Any]]) -> float:
    # Each is run again by itself, and its best time counts: what PostgreSQL needs for it.
    return max((_best_ms(query["sql"]) for query in queries if query["sql"].startswith("SELECT")), default=0.0)


def _best_ms(sql: str) -> float:
    with connection.cursor() as cursor:
        times = []
        for _ in range(3):
            started = time.perf_counter()
            cursor.execute(sql)
            times.append(time.perf_counter() - started)
    return min(times) * 1000
