"""What an operator sees when the programs that do the work are dead: `/healthz` alone said that all was well."""

import json
import re
import time
import urllib.error
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from devserver.programs import OPENER
from tests.faults.conftest import House
from tests.support.factories import make_sku, place_order
from tests.support.heartbeats import let_pass


def asked(house: House, path: str) -> tuple[int, str]:
    try:
        with OPENER.open(f"{house.base_url}{path}", timeout=15) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refusal:
        return refusal.code, refusal.read().decode()


def ready(house: House) -> tuple[int, dict[str, Any]]:
    status, body = asked(house, "/readyz")
    return status, json.loads(body)


def wait_until_ready(house: House) -> None:
    until = time.monotonic() + 30
    while ready(house)[0] != 200:
        assert time.monotonic() < until, ready(house)
        time.sleep(0.5)


def metrics(house: House) -> dict[tuple[str, ...], float]:
    """Give the samples by their name and the values of their labels."""
    families = text_string_to_metric_families(asked(house, "/metrics")[1])
    samples = [sample for family in families for sample in family.samples]
    return {(sample.name, *sample.labels.values()): sample.value for sample in samples}


@pytest.mark.full
@pytest.mark.django_db(transaction=True)
def test_two_payments_stuck_with_every_worker_and_beat_dead_are_seen(house: House) -> None:
    house.web()
    worker, beat = house.worker(), house.beat()
    wait_until_ready(house)
    make_sku()
    house.stack.fake_stripe.faults({"match": "POST /v1/payment_intents", "fault": "drop_before"})
    worker.kill()
    beat.kill()
    for _ in range(2):
        place_order()
    time.sleep(45)
    assert ready(house)[0] == 200  # as after a restart, which nobody is to be woken for
    time.sleep(17)

    status, lines = ready(house)
    assert status == 503
    assert {name for name, line in lines.items() if name != "ready" and not line["ok"]} == {"worker", "beat"}
    seen = re.fullmatch(r"was seen last (\d+) s ago\.", lines["worker"]["is"])
    assert seen
    assert int(seen[1]) > 60
    assert "celery -A pelcro_orders worker" in lines["worker"]["do"]
    assert asked(house, "/healthz")[0] == 200
    assert asked(house, "/livez") == (200, "alive\n")
    found = metrics(house)
    assert [found["pelcro_ready", name] for name in ("worker", "beat", "redis")] == [0, 0, 1]
    assert (found["pelcro_workers",], found["pelcro_beats",], found["pelcro_programs_missing",]) == (0, 0, 2)
    assert found["pelcro_unsettled_oldest_seconds", "charge", "processing"] > 60
    assert found["pelcro_due", "payment"] == 2

    house.stack.fake_stripe.clear()
    house.worker()
    house.beat()
    wait_until_ready(house)
    until = time.monotonic() + 60
    while ("pelcro_unsettled_oldest_seconds", "charge", "processing") in (found := metrics(house)):
        assert time.monotonic() < until, found
        time.sleep(1)
    assert found["pelcro_due", "payment"] == 0


@pytest.mark.django_db(transaction=True)
def test_a_worker_that_is_ended_leaves_at_once_and_one_that_is_killed_is_missed(house: House) -> None:
    house.web()
    worker = house.worker()
    assert ready(house)[1]["worker"]["ok"]
    worker.stop()
    assert ready(house)[1]["worker"]["is"] == "was not seen for a day."

    worker = house.worker("other")
    worker.kill()
    let_pass(61)
    assert ready(house)[1]["worker"]["is"].startswith("was seen last 6")
