"""Pages, as a browser asks for them: the same measure for ours and for stock, each in a process of its own."""

import re
import time
from collections.abc import Mapping
from typing import Any

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from benchmarks import floors
from benchmarks.child import OURS, STOCK, ask
from benchmarks.data import Sample
from benchmarks.figures import Figure, median_ms

HOST = "127.0.0.1"
PER_PAGE = 100
LIST = "/admin/ecommerce/order/"


def figures(sample: Sample, *, size: str, rounds: int) -> list[Figure]:
    """Measure every page."""
    ours = ask("benchmarks.pages", OURS, pages=our_pages(sample), user=sample.user, rounds=rounds)
    stock = ask("benchmarks.pages", STOCK, pages=stock_pages(sample), user=sample.user, rounds=rounds)
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
    """Give each page's address, and what it must show."""
    here = f"{LIST}?per_page={PER_PAGE}"
    return {
        "list_first": (here, sample.newest),
        "list_paid": (f"{here}&status__exact=paid", sample.newest_paid),
        "list_last": (f"{here}&last=1", sample.oldest),
        **_searches(sample, here),
        "order_page": (f"{LIST}{sample.order_id}/change/", sample.number),
    }


def stock_pages(sample: Sample) -> dict[str, tuple[str, str]]:
    """Give each page's address at stock, and what it must show."""
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
    """Ask for every page, in the browser of somebody who has signed in."""
    browser = Client(SERVER_NAME=HOST)
    browser.force_login(floors.user(user), backend="django.contrib.auth.backends.ModelBackend")
    return {name: _page(browser, url, holds, rounds=rounds) for name, (url, holds) in pages.items()}


def _page(browser: Client, url: str, holds: str, *, rounds: int) -> dict[str, Any]:
    answer = browser.get(url)
    if answer.status_code != 200 or not re.search(rf"\b{re.escape(holds)}\b", answer.content.decode()):
        raise AssertionError(f"{url} answered {answer.status_code} and does not show {holds}.")
    ms = median_ms(lambda: browser.get(url), rounds=rounds)
    with CaptureQueriesContext(connection) as asked:
        browser.get(url)
    return {"ms": ms, "queries": len(asked), "slowest": _slowest(asked.captured_queries)}


def _slowest(queries: list[dict[str, Any]]) -> float:
    """Give the longest of them, each asked again by itself and its best time taken: what PostgreSQL needs for it."""
    return max((_best_ms(query["sql"]) for query in queries if query["sql"].startswith("SELECT")), default=0.0)


def _best_ms(sql: str) -> float:
    with connection.cursor() as cursor:
        times = []
        for _ in range(3):
            began = time.perf_counter()
            cursor.execute(sql)
            times.append(time.perf_counter() - began)
    return min(times) * 1000
