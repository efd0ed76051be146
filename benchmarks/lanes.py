"""Calls to Stripe side by side: an order over the API while a job cancels, and how much of its rate a lane reaches."""

import statistics
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from django.conf import settings
from django.db import connection
from django.test import Client

from benchmarks.api_orders import place
from benchmarks.bulk_cancel import SLOW
from benchmarks.bulk_fulfill import create_job, run_to_end
from benchmarks.figures import WARM_UP, Figure
from benchmarks.pages import HOST
from benchmarks.shop import Shop, fake_stripe
from billing import rate_limit
from customers.actors import Actor
from ecommerce.models import ApiKey, BulkJob

LANE_SECONDS = 8
ROUNDS = 40  # a 95th percentile of 15 would be the slowest one
TWENTIETHS = 20


def figures(shop: Shop, *, size: str, rounds: int, seconds: int = LANE_SECONDS) -> list[Figure]:
    key, text = ApiKey.objects.create_key(name="lanes", permissions=[ApiKey.Permission.ADD], by=Actor.staff(shop.user))
    browser = Client(SERVER_NAME=HOST, headers={"Authorization": f"Bearer {text}"})
    ids = shop.sell(settings.STRIPE_MAX_REQUESTS_PER_SECOND * seconds)
    fake_stripe().faults(SLOW, webhooks="off")
    alone = _p95(browser, shop, rounds)
    job = threading.Thread(target=_cancel, args=(shop, ids))
    job.start()
    time.sleep(1)
    under_job = _p95(browser, shop, rounds)
    job.join()
    fake_stripe().faults(webhooks="off")
    ApiKey.objects.filter(pk=key.pk).delete()
    note = f"p95 {under_job * 1000:.0f} ms, alone {alone * 1000:.0f} ms"
    ratio = Figure(name="order_under_job", size=size, value=under_job / alone, unit="ratio", note=note)
    return [ratio, *(_share(lane, size, seconds) for lane in ("refunds", "payments"))]


def _cancel(shop: Shop, ids: list[int]) -> None:
    try:
        run_to_end(create_job(BulkJob.Action.CANCEL, shop.user, ids), processes=1)
    finally:
        connection.close()


def _p95(browser: Client, shop: Shop, rounds: int) -> float:
    times = []
    for _ in range(rounds + WARM_UP):
        started = time.perf_counter()
        place(browser, shop)
        times.append(time.perf_counter() - started)
    return statistics.quantiles(times[WARM_UP:], n=TWENTIETHS)[-1]


def _share(lane: rate_limit.Lane, size: str, seconds: int) -> Figure:
    limit = min(settings.STRIPE_MAX_REQUESTS_PER_SECOND, settings.STRIPE_MAX_REQUESTS_PER_ENDPOINT)
    until, calls = time.monotonic() + seconds, []

    def call(_number: int) -> None:
        with rate_limit.as_job():
            while time.monotonic() < until:
                rate_limit.wait(lane)
                calls.append(time.monotonic())

    with ThreadPoolExecutor(min(limit, 40)) as pool:
        list(pool.map(call, range(min(limit, 40))))
    value = len(calls) / (max(calls) - min(calls)) / limit
    return Figure(name=f"lane_{lane}", size=size, value=value, unit="share", note=f"limit {limit}/s")
