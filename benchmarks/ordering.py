"""An order over the API with a saved card: what it costs beside Stripe's own time, and how often Stripe is asked."""

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


class Timed:
    """A function that adds up how long it took."""

    def __init__(self, act: Callable[..., Any]) -> None:
        self.act, self.took = act, 0.0

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call it."""
        began = time.perf_counter()
        try:
            return self.act(*args, **kwargs)
        finally:
            self.took += time.perf_counter() - began


def figures(shop: Shop, *, size: str, rounds: int) -> list[Figure]:
    """Order some times, one after the other."""
    key, text = ApiKey.objects.create_key(name="bench", permissions=[ApiKey.Permission.ADD], by=Actor.staff(shop.user))
    browser = Client(SERVER_NAME=HOST, headers={"Authorization": f"Bearer {text}"})
    charged, paced = Timed(gateway.create_intent), Timed(rate_limit.wait)
    with mock.patch.object(gateway, "create_intent", charged), mock.patch.object(rate_limit, "wait", paced) as waits:
        beside = [_beside(browser, shop, charged) for _ in range(rounds + WARM_UP)][WARM_UP:]
        calls = _calls(browser, shop, waits)
    ApiKey.objects.filter(pk=key.pk).delete()
    note = f"{calls} call to Stripe with a saved card"
    return [Figure(name="order_overhead", size=size, unit="ms", value=statistics.median(beside) * 1000, note=note)]


def _beside(browser: Client, shop: Shop, charged: Timed) -> float:
    before, began = charged.took, time.perf_counter()
    _order(browser, shop)
    return time.perf_counter() - began - (charged.took - before)


def _calls(browser: Client, shop: Shop, waits: Timed) -> int:
    """Count the calls to Stripe of one order: each waits for its turn first."""
    with mock.patch.object(waits, "act", mock.Mock(wraps=waits.act)) as counted:
        _order(browser, shop)
    return int(counted.call_count)


def _order(browser: Client, shop: Shop) -> None:
    card = shop.cards[0]
    body = {"user_id": card.customer_id, "source_id": card.pk, "items": [{"sku_id": shop.sku.pk, "quantity": 1}]}
    answer = browser.post(ADDRESS, body, content_type="application/json")
    if answer.status_code not in {200, 201} or answer.json()["data"]["order"]["status"] != "paid":
        raise AssertionError(f"{ADDRESS} answered {answer.status_code}: {answer.content.decode()}")
