"""Redis is away for longer than Celery tries by default, 100 times: worker and beat wait for it, and go on."""

import time
from pathlib import Path

import pytest

from devserver.process import Process
from ecommerce.models import Order
from tests.faults.conftest import House
from tests.faults.test_outages import Check, cancel_and_ring, until
from tests.support.factories import place_order

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.full]
AWAY = 3 * 60  # seconds
ATTEMPTS = 120


def attempts(program: Process) -> int:
    return program.log.read_text().count("Trying again")


def assert_alive(*programs: Process) -> None:
    for program in programs:
        assert program.running, program.log.read_text()[-2_000:]


def test_a_hundred_vain_attempts_end_neither_worker_nor_beat(house: House, balanced: Check) -> None:
    order = place_order()
    house.extra["PYTHONPATH"] = str(Path(__file__).parent / "short_waits")
    worker, beat = house.worker(), house.beat()
    house.stack.redis.kill()
    deadline = time.monotonic() + 60
    while min(attempts(worker), attempts(beat)) < ATTEMPTS:
        assert_alive(worker, beat)
        assert time.monotonic() < deadline, (attempts(worker), attempts(beat))
        time.sleep(0.2)
    house.stack.redis.start()
    cancel_and_ring(order)
    until(order, "canceled")
    assert_alive(worker, beat)
    balanced()


def test_work_that_came_while_redis_was_away_for_minutes_is_done(house: House, balanced: Check) -> None:
    order = place_order()
    worker, beat = house.worker(), house.beat()
    house.stack.redis.kill()
    cancel_and_ring(order)
    time.sleep(AWAY)
    assert_alive(worker, beat)
    assert Order.objects.get(pk=order.pk).status == "paid"
    house.stack.redis.start()
    until(order, "canceled")
    assert_alive(worker, beat)
    balanced()
