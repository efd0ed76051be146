"""An order over the API with a saved card: its time without Stripe's own, and its calls to Stripe."""

import statistics
import time
from collections.abc import Callable
from typing import Any
from unittest import mock

from django.test import Client

from benchmarks.figures import WARM_UP, Figure
from benchmarks.pages import HOST
from benchmarks.shop import Shop
from billing import gateway, rate_limit
from customers.actors import Actor
from ecommerce.models import ApiKey

ADDRESS = "/api/v1/core/orders"


class Stopwatch:
    """Wraps a function, and adds up the seconds that its calls take."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function, self.seconds = function, 0.0

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        started = time.perf_counter()
        try:
            return self.function(*args, **kwargs)
        finally:
            self.seconds += time.perf_counter() - started


def figures(shop: Shop, *, size: str, rounds: int) -> list[Figure]:
    key, text = ApiKey.objects.create_key(name="bench", permissions=[ApiKey.Permission.ADD], by=Actor.staff(shop.user))
    browser = Client(SERVER_NAME=HOST, headers={"Authorization": f"Bearer {text}"})
    charges, waits = Stopwatch(gateway.create_intent), Stopwatch(rate_limit.wait)
    with mock.patch.object(gateway, "create_intent", charges), mock.patch.object(rate_limit, "wait", waits):
        overheads = [_overhead(browser, shop, charges) for _ in range(rounds + WARM_UP)][WARM_UP:]
        calls = _count_calls(browser, shop, waits)
    ApiKey.objects.filter(pk=key.pk).delete()
    note = f"{calls} call to Stripe with a saved card"
    return [Figure(name="order_overhead", size=size, unit="ms", value=statistics.median(overheads) * 1000, note=note)]


def _overhead(browser: Client, shop: Shop, charges: Stopwatch) -> float:
    before, started = charges.seconds, time.perf_counter()
    place(browser, shop)
    return time.perf_counter() - started - (charges.seconds - before)


def _count_calls(browser: Client, shop: Shop, waits: Stopwatch) -> int:
    # Each call to Stripe waits for the rate limit once.
    with mock.patch.object(waits, "function", mock.Mock(wraps=waits.function)) as counted:
        place(browser, shop)
    return int(counted.call_count)


def place(browser: Client, shop: Shop) -> None:
    card = shop.cards[0]
    body = {"user_id": card.customer_id, "source_id": card.pk, "items": [{"sku_id": shop.sku.pk, "quantity": 1}]}
    response = browser.post(ADDRESS, body, content_type="application/json")
    if response.status_code not in {200, 201} or response.json()["data"]["order"]["status"] != "paid":
        raise AssertionError(f"{ADDRESS} returned {response.status_code}: {response.content.decode()}")
