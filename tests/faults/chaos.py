"""Chaos: programs killed, services taken away, Stripe misbehaving, one thing after another and each of them counted."""

import random
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import redis
from django.conf import settings

from tests.faults.clocks import wrong_clock
from tests.faults.conftest import House

FAULTS: list[dict[str, Any]] = [
    {"match": "POST /v1/refunds", "fault": "drop_after", "probability": 0.3},
    {"match": "POST /v1/refunds", "fault": "drop_before", "probability": 0.3},
    {"match": "POST /v1/payment_intents", "fault": "drop_after", "probability": 0.3},
    {"match": "POST /v1/payment_intents", "fault": "drop_before", "probability": 0.2},
    {"match": "POST /v1/", "fault": "status", "status": 500, "probability": 0.2},
    {"match": "POST /v1/", "fault": "status", "status": 429, "probability": 0.5},
    {"match": "GET /v1/", "fault": "status", "status": 503, "probability": 0.3},
    {"match": "POST /v1/", "fault": "delay", "delay_ms": 300, "probability": 0.5},
    # Longer than the programs of the mix wait: a time-out, and then the money is taken or sent back all the same.
    {"match": "POST /v1/payment_intents", "fault": "delay", "delay_ms": 2500, "probability": 0.3},
    {"match": "POST /v1/refunds", "fault": "delay", "delay_ms": 2500, "probability": 0.3},
]


OFFSETS = ("+0", "+10m", "-10m", "+2d", "-2d")


class Chaos:
    """Breaks one thing after another. In the main thread: a program dies with the thread that started it."""

    def __init__(self, house: House, seed: int) -> None:
        self.house, self.dice = house, random.Random(seed)
        self.broken: Counter[str] = Counter()
        self.shift_clock("web")
        self.worker, self.web = house.worker(), house.web()

    def until(self, over: Callable[[], bool]) -> None:
        """Break each thing once, and then on until it is over; leave all services up."""
        chances = {
            self.faults: 6,
            self.kill_worker: 3,
            self.kill_web: 2,
            self.empty_redis: 2,
            self.kill_redis: 1,
            self.restart_postgres: 1,
        }
        others = [breaking for breaking in chances if breaking != self.faults]
        first = [each for other in self.dice.sample(others, len(others)) for each in (other, self.faults)]
        while first or not over():
            time.sleep(self.dice.uniform(0.3, 1.5))
            breaking = first.pop() if first else self.dice.choices(list(chances), list(chances.values()))[0]
            self.broken[breaking.__name__] += 1
            breaking()
        self.house.stack.fake_stripe.clear()

    def faults(self) -> None:
        """Have Stripe misbehave in another way."""
        modes = ("normal", "double", "late", "reversed", "off")
        rules = self.dice.sample(FAULTS, self.dice.randrange(3))
        self.house.stack.fake_stripe.faults(*rules, webhooks=self.dice.choice(modes))

    def kill_worker(self) -> None:
        """Kill the worker and all its children, and start another, whose clock is another."""
        self.worker.kill()
        self.shift_clock("worker")
        self.worker = self.house.worker(f"worker{self.broken['kill_worker']}")

    def kill_web(self) -> None:
        """Kill the web server, whatever its requests wait for, and start another, whose clock is another."""
        self.web.kill()
        self.shift_clock("web")
        self.web = self.house.web()

    def shift_clock(self, name: str) -> None:
        """Have the next program of this name start with a clock that is wrong by minutes or days."""
        self.house.clocks[name] = wrong_clock(self.dice.choice(OFFSETS))

    def empty_redis(self) -> None:
        """Lose every message."""
        redis.Redis.from_url(settings.REDIS_URL).flushall()

    def kill_redis(self) -> None:
        """Take Redis away for a moment."""
        self.house.stack.redis.kill()
        time.sleep(self.dice.uniform(0, 2))
        self.house.stack.redis.start()

    def restart_postgres(self) -> None:
        """Take the database away for a moment."""
        self.house.stack.postgres.stop()
        self.house.stack.postgres.start()
