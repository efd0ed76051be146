"""Pages and orders over the API by a server and a worker of their own, while jobs run and orders keep coming in.

What is asked again and again comes at fixed times, whatever the answers take: who waits for a slow one is counted.
"""

import itertools
import os
import re
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import requests
from django.conf import settings
from django.test import Client

from benchmarks.api_orders import ADDRESS
from benchmarks.bulk_cancel import SLOW
from benchmarks.bulk_fulfill import create_job, undo
from benchmarks.figures import Figure
from benchmarks.figures import seconds as seconds_of
from benchmarks.orders import Sample, to_fulfill
from benchmarks.pages import our_pages
from benchmarks.shop import Shop, fake_stripe
from customers.actors import Actor
from customers.models import User
from devserver import programs
from devserver.process import Process
from ecommerce.models import ApiKey, BulkJob
from ecommerce.tasks import enqueue_job

SECONDS = 60
ORDERS_PER_SECOND, PAGES_PER_SECOND = 20, 2
JOB_ORDERS = 100_000
ROUNDS = 15
THREADS = 60
PAGES = {"mixed_list": "list_first", "mixed_search": "search_name", "mixed_order_page": "order_page"}
ALL_CALLS = {**SLOW, "match": "POST /v1/"}
UNLIMITED = {"API_REQUESTS_PER_MINUTE": "100000", "API_REQUESTS_PER_MINUTE_AND_ADDRESS": "100000"}
OK, TIMEOUT, LAST_SECONDS = 200, 60, 600
MEGABYTE = 1024  # kB


class FailedRequestError(AssertionError):
    """The server answered something else than it would alone."""


Ask = Callable[[], None]


def figures(shop: Shop, sample: Sample, *, size: str, seconds: int = SECONDS) -> Iterator[Figure]:
    fulfilled = to_fulfill(JOB_ORDERS)
    canceled = shop.sell(seconds * settings.STRIPE_MAX_REQUESTS_PER_ENDPOINT)
    fake_stripe().faults(ALL_CALLS, webhooks="off")
    with _running() as programs_of_ours, _api_key(shop.user) as key:
        pages, order = _pages(sample), _order(shop, key)
        idle = {name: statistics.median(seconds_of(page) for _ in range(ROUNDS)) for name, page in pages.items()}
        alone = _ask({"orders": (order, ORDERS_PER_SECOND)}, seconds)["orders"]
        memory = _kilobytes(programs_of_ours)
        jobs = [
            create_job(BulkJob.Action.FULFILL, shop.user, fulfilled),
            create_job(BulkJob.Action.CANCEL, shop.user, canceled),
        ]
        for job in jobs:
            enqueue_job(job)
        asked = {name: (page, PAGES_PER_SECOND) for name, page in pages.items()}
        under = _ask({**asked, "orders": (order, ORDERS_PER_SECOND)}, seconds)
        grown = (_kilobytes(programs_of_ours) - memory) / MEGABYTE
        took = [_seconds_of_job(job) for job in jobs]
    undo(fulfilled)
    fake_stripe().faults(webhooks="off")
    for name in pages:
        note = "p99 {:.0f} ms, the median alone {:.0f} ms"
        yield _ratio(name, size, _percentile(under[name], 99), idle[name], note)
    note = f"p95 {{:.0f}} ms, alone {{:.0f}} ms; {ORDERS_PER_SECOND} a second"
    yield _ratio("mixed_orders", size, _percentile(under["orders"], 95), _percentile(alone, 95), note)
    note = f"{len(fulfilled):,} orders fulfilled, while {len(canceled):,} were canceled"
    yield Figure(name="mixed_job", size=size, value=len(fulfilled) / took[0], unit="orders/s", note=note)
    note = f"what web, worker and beat grew by in {seconds} s"
    yield Figure(name="mixed_memory", size=size, value=grown, unit="MB", note=note)


def _ratio(name: str, size: str, under: float, alone: float, note: str) -> Figure:
    return Figure(name=name, size=size, value=under / alone, unit="ratio", note=note.format(under * 1000, alone * 1000))


@contextmanager
def _running() -> Iterator[list[Process]]:
    env, var_dir = {**os.environ, **UNLIMITED}, Path(settings.VAR_DIR)
    port = int(os.environ["PORT"])
    running = [programs.web(env, var_dir, port), programs.worker(env, var_dir), programs.beat(env, var_dir)]
    try:
        for program in running:
            program.start()
        yield running
    finally:
        for program in running:
            program.stop()


@contextmanager
def _api_key(user: User) -> Iterator[str]:
    key, text = ApiKey.objects.create_key(name="mixed", permissions=[ApiKey.Permission.ADD], by=Actor.staff(user))
    yield text
    ApiKey.objects.filter(pk=key.pk).delete()


def _pages(sample: Sample) -> dict[str, Ask]:
    browser = Client()
    browser.force_login(User.objects.get(pk=sample.user), backend=settings.AUTHENTICATION_BACKENDS[0])
    cookies = {name: cookie.value for name, cookie in browser.cookies.items()}

    def page(address: str, shows: str) -> Ask:
        def ask() -> None:
            response = requests.get(f"{settings.BASE_URL}{address}", cookies=cookies, timeout=TIMEOUT)
            if response.status_code != OK or not re.search(rf"\b{re.escape(shows)}\b", response.text):
                raise FailedRequestError(f"{address} returned {response.status_code} and does not show {shows}.")

        return ask

    known = our_pages(sample)
    # New orders come before those that the list showed first.
    return {name: page(known[of][0], "Orders" if name == "mixed_list" else known[of][1]) for name, of in PAGES.items()}


def _order(shop: Shop, key: str) -> Ask:
    cards = itertools.cycle(shop.cards)

    def ask() -> None:
        card = next(cards)
        body = {"user_id": card.customer_id, "source_id": card.pk, "items": [{"sku_id": shop.sku.pk, "quantity": 1}]}
        headers = {"Authorization": f"Bearer {key}"}
        response = requests.post(f"{settings.BASE_URL}{ADDRESS}", json=body, headers=headers, timeout=TIMEOUT)
        # Where Stripe has no answer in time, as when it is asked too often, the worker goes on with the payment.
        status = {200: "paid", 202: "created"}.get(response.status_code)
        if status is None or response.json()["data"]["order"]["status"] != status:
            raise FailedRequestError(f"{ADDRESS} returned {response.status_code}: {response.text}")

    return ask


def _ask(asked: Mapping[str, tuple[Ask, int]], seconds: float) -> dict[str, list[float]]:
    """Ask each so many times a second; return the seconds from when each was due to its answer."""
    with ThreadPoolExecutor(THREADS) as clients, ThreadPoolExecutor(len(asked)) as clocks:
        running = {
            name: clocks.submit(_ask_at_rate, clients, ask, rate, seconds) for name, (ask, rate) in asked.items()
        }
        return {name: [each.result() for each in answers.result()] for name, answers in running.items()}


def _ask_at_rate(clients: ThreadPoolExecutor, ask: Ask, rate: int, seconds: float) -> "list[Future[float]]":
    start, answers = time.monotonic(), []
    for number in range(int(seconds * rate)):
        due = start + number / rate
        time.sleep(max(due - time.monotonic(), 0))
        answers.append(clients.submit(_seconds_since, due, ask))
    return answers


def _seconds_since(due: float, ask: Ask) -> float:
    ask()
    return time.monotonic() - due


def _percentile(times: Sequence[float], percent: int) -> float:
    return statistics.quantiles(times, n=100, method="inclusive")[percent - 1]


def _seconds_of_job(job: BulkJob) -> float:
    """Wait until it has succeeded."""
    until = time.monotonic() + LAST_SECONDS
    while not job.finished_at and time.monotonic() < until:
        time.sleep(1)
        job.refresh_from_db()
    if job.status != BulkJob.Status.SUCCEEDED or job.started_at is None or job.finished_at is None:
        raise AssertionError(f"{job} ended {job.status}: {job.message}")
    return (job.finished_at - job.started_at).total_seconds()


def _kilobytes(running: Sequence[Process]) -> int:
    """What the programs and their children hold in memory, shared pages counted once."""
    return sum(_own_kilobytes(pid) for program in running for pid in _with_children(program.pid))


def _with_children(pid: int) -> Iterator[int]:
    yield pid
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in task.read_text(encoding="ascii").split():
            yield from _with_children(int(child))


def _own_kilobytes(pid: int) -> int:
    found = re.search(r"^Pss:\s+(\d+) kB", Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii"), re.MULTILINE)
    return int(found[1]) if found else 0
