"""From the click to the last order: the posted ticks, the confirmation page, its button, and one worker's process."""

import re
import time
from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.test import Client

from benchmarks.bulk_fulfill import ORDERS, run_to_end, undo
from benchmarks.figures import Figure, median_ms
from benchmarks.isolated import OURS, measure_isolated
from benchmarks.orders import to_fulfill
from customers.models import User
from ecommerce.models import BulkJob

HOST = "127.0.0.1"
PAID = "/admin/ecommerce/order/?status__exact=paid"
ROUNDS = 5


def figures(user: User, *, size: str) -> list[Figure]:
    """Two pages that ask, and the rate from the first click to the last order."""
    ids = to_fulfill(ORDERS)
    pages = measure_isolated("benchmarks.bulk_click", OURS, ids=ids, user=user.pk)
    job = BulkJob.objects.get(pk=pages["job"])
    took = pages["click"] + run_to_end(job, processes=1)
    undo(ids)
    note = f"{len(ids):,} ticked, from the posted action to the last outcome, one process"
    return [
        Figure(name="bulk_confirm", size=size, unit="ms", value=pages["ticked"], note=f"{len(ids):,} ticked"),
        Figure(name="bulk_confirm_all", size=size, unit="ms", value=pages["across"], note="all that match"),
        Figure(name="bulk_click", size=size, unit="orders/s", value=len(ids) / took, note=note),
    ]


def measure(*, ids: Sequence[int], user: int) -> dict[str, Any]:
    browser = Client(SERVER_NAME=HOST)
    browser.force_login(User.objects.get(pk=user), backend=settings.AUTHENTICATION_BACKENDS[0])
    asked = {"action": "fulfill_orders", "ticked": ",".join(map(str, ids))}
    _ask(browser, asked)
    ticked = median_ms(lambda: _ask(browser, asked), rounds=ROUNDS)
    across = median_ms(lambda: _ask(browser, {"action": "fulfill_orders", "select_across": "1"}), rounds=ROUNDS)
    started = time.perf_counter()
    form = dict(re.findall(r'name="(\w+)" value="([^"]*)"', _ask(browser, asked)))
    response = browser.post(PAID, form)
    click = time.perf_counter() - started
    if response.status_code != 302:
        raise AssertionError(f"The confirmation returned {response.status_code}.")
    return {"ticked": ticked, "across": across, "click": click, "job": BulkJob.objects.latest("pk").pk}


def _ask(browser: Client, posted: dict[str, str]) -> str:
    response = browser.post(PAID, posted)
    page: str = response.content.decode()
    if response.status_code != 200 or 'name="confirmed"' not in page:
        raise AssertionError(f"Asking for a confirmation returned {response.status_code}.")
    return page
