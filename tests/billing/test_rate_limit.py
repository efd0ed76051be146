import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import pytest
import redis

from backoffice.redis_client import redis_client
from billing import gateway, rate_limit
from devserver.fake_stripe_server import FakeStripeServer
from tests.support.source_tree import ROOT


@pytest.fixture(autouse=True)
def rested() -> Iterator[None]:
    """Begin with nothing booked, and leave nothing behind."""
    forget()
    yield
    forget()


def forget() -> None:
    redis_client.cache_clear()
    rate_limit._book.cache_clear()
    rate_limit.local_limiter = rate_limit.LocalLimiter()


@pytest.fixture
def redis_gone(settings: Any, rested: None) -> None:
    settings.REDIS_URL = "unix:///nowhere/redis.sock"


def in_processes(processes: int, threads: int, seconds: float, **environment: str) -> tuple[list[float], list[float]]:
    """Have processes ask at once; give all moments, in their order, and what CPU each process took."""
    command = [sys.executable, "-m", "tests.billing.rate_limit_process", str(threads), str(seconds)]
    env = os.environ | {"DJANGO_SETTINGS_MODULE": "pelcro_orders.settings"} | environment
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    started = [subprocess.Popen(command, text=True, cwd=ROOT, env=env, **pipes) for _ in range(processes)]
    assert {each.stdout.readline() for each in started if each.stdout} == {"ready\n"}
    with ThreadPoolExecutor(processes) as pool:
        told = [json.loads(out) for out, _ in pool.map(lambda each: each.communicate("go\n", timeout=60), started)]
    return sorted(moment for each in told for moment in each["moments"]), [each["cpu"] for each in told]


def most_within(moments: list[float], seconds: float) -> int:
    """Give the greatest number of calls in any such span."""
    most = first = 0
    for last, moment in enumerate(moments):
        while moment - moments[first] >= seconds:
            first += 1
        most = max(most, last - first + 1)
    return most


@pytest.mark.parametrize(
    ("processes", "threads", "seconds"), [(2, 8, 4), pytest.param(4, 16, 11, marks=pytest.mark.full)]
)
def test_processes_of_many_threads_reach_the_rate_together_and_never_pass_it(
    processes: int, threads: int, seconds: int
) -> None:
    moments, cpu = in_processes(processes, threads, seconds, STRIPE_MAX_REQUESTS_PER_SECOND="40")
    span = moments[-1] - moments[0]

    assert most_within(moments, seconds - 1) <= (seconds - 1) * 40
    assert len(moments) / span >= 0.95 * 40
    # The threads wait most of the time: that is sleep, and not work.
    assert sum(cpu) < 0.25 * span


def test_with_redis_gone_each_process_keeps_to_a_quarter() -> None:
    gone = {"REDIS_URL": "unix:///nowhere/redis.sock", "STRIPE_MAX_REQUESTS_PER_SECOND": "40"}
    moments, _cpu = in_processes(1, 16, 5, **gone)
    assert 0.9 * 10 <= len(moments) / (moments[-1] - moments[0]) <= 10 * 1.1
    assert most_within(moments, 5) <= 52


def test_a_second_call_of_its_own_waits_for_nothing() -> None:
    def two_calls() -> float:
        before = time.monotonic()
        rate_limit.wait()
        rate_limit.wait()
        return time.monotonic() - before

    assert min(two_calls() for _ in range(5)) < 0.05


def test_a_rate_of_one_is_kept_too(settings: Any) -> None:
    settings.STRIPE_MAX_REQUESTS_PER_SECOND = 1
    moments = []
    for _ in range(3):
        rate_limit.wait()
        moments.append(time.monotonic())
    assert all(later - sooner > 1 for sooner, later in pairwise(moments))


@pytest.mark.parametrize("server", ["there", "gone"])
def test_a_429_has_everybody_pause(server: str, request: pytest.FixtureRequest, fake_stripe: FakeStripeServer) -> None:
    if server == "gone":
        request.getfixturevalue("redis_gone")
    fake_stripe.faults({"match": "GET /v1/refunds", "fault": "status", "status": 429, "times": 1})
    with pytest.raises(gateway.Busy):
        gateway.retrieve_refund("re_1")
    answered = time.monotonic()
    done: list[float] = []

    def wait() -> None:
        rate_limit.wait()
        done.append(time.monotonic())

    threads = [threading.Thread(target=wait) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(moment - answered > 0.9 for moment in done)


def test_who_sleeps_already_pauses_for_a_429_too(settings: Any) -> None:
    settings.STRIPE_MAX_REQUESTS_PER_SECOND = 2
    rate_limit.wait()
    sleeper = threading.Thread(target=rate_limit.wait)
    before = time.monotonic()
    sleeper.start()
    time.sleep(0.1)
    rate_limit.slow_down()
    sleeper.join()
    assert time.monotonic() - before > 1.05


@pytest.mark.parametrize("server", ["there", "gone"])
def test_where_very_many_wait_already_one_comes_back_later(
    server: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    if server == "gone":
        request.getfixturevalue("redis_gone")
    monkeypatch.setattr(rate_limit, "LONGEST_WAIT", -1)
    with pytest.raises(gateway.Busy):
        gateway.retrieve_refund("re_1")


def waits(lane: Any, calls: int, *, job: bool = False) -> float:
    """How long so many calls wait together, all at once."""

    def call(_number: int) -> None:
        if job:
            with rate_limit.as_job():
                rate_limit.wait(lane)
        else:
            rate_limit.wait(lane)

    before = time.monotonic()
    with ThreadPoolExecutor(calls) as pool:
        list(pool.map(call, range(calls)))
    return time.monotonic() - before


@pytest.mark.parametrize("job", [False, True])
def test_a_full_lane_delays_no_other(settings: Any, *, job: bool) -> None:
    settings.STRIPE_MAX_REQUESTS_PER_SECOND, settings.STRIPE_MAX_REQUESTS_PER_ENDPOINT = 80, 8
    assert waits("refunds", 8, job=job) > 0.7
    assert waits("payments", 2, job=job) < 0.1
    assert waits("refunds", 4, job=job) > 0.3


def test_all_lanes_together_keep_to_the_rate_of_all(settings: Any) -> None:
    settings.STRIPE_MAX_REQUESTS_PER_SECOND, settings.STRIPE_MAX_REQUESTS_PER_ENDPOINT = 8, 8
    waits("refunds", 4, job=True)
    assert waits("reads", 4, job=True) > 0.4


def test_people_are_not_behind_the_calls_of_jobs(settings: Any) -> None:
    settings.STRIPE_MAX_REQUESTS_PER_SECOND = 8
    jobs = threading.Thread(target=waits, args=("refunds", 16), kwargs={"job": True})
    jobs.start()
    time.sleep(0.5)
    for _each in range(2):
        assert waits("payments", 1) < 0.1
    jobs.join()
    # What people took is not given to jobs as well.
    before = time.monotonic()
    waits("refunds", 1, job=True)
    assert time.monotonic() - before > 0.05


def test_a_call_of_a_stopped_job_is_not_sent(settings: Any) -> None:
    settings.STRIPE_MAX_REQUESTS_PER_SECOND = 1
    rate_limit.wait()
    stopped = threading.Event()
    threading.Timer(0.3, stopped.set).start()
    with rate_limit.as_job(stopped), pytest.raises(gateway.NotSent):
        gateway.retrieve_refund("re_1")


def test_redis_that_hangs_is_asked_once_in_a_while(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def hang(*_: Any) -> float:
        asked.append(1)
        raise redis.TimeoutError

    monkeypatch.setattr(rate_limit, "_booked_with_all", hang)
    for _ in range(5):
        rate_limit.wait()
    assert len(asked) == 1
