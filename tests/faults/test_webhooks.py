"""Webhooks out under kills: none is lost, none invented, and those of an order arrive in its order."""

import time
from collections import defaultdict
from collections.abc import Iterator
from ipaddress import ip_network
from typing import Any

import pytest
from standardwebhooks import Webhook

from ecommerce.models import Order, WebhookDelivery, WebhookEndpoint
from ecommerce.webhooks.sender import PER_ENDPOINT, Sender
from tests.faults.conftest import House
from tests.faults.crashing import crashes
from tests.support.factories import make_customer, make_sku
from tests.support.rows import a_paid_order
from tests.support.waiting import wait_until
from tests.support.webhook_receiver import Receiver, end_waits, happen, make_endpoint, webhook_receiver

pytestmark = pytest.mark.django_db(transaction=True)
WORKING = ("/ok", "/slow", "/flaky")
KINDS = ("held", "released", "partly_fulfilled", "fulfilled")


@pytest.fixture
def receiver(settings: Any) -> Iterator[Receiver]:
    settings.WEBHOOK_PRIVATE_ADDRESSES = [ip_network("127.0.0.0/8")]
    with webhook_receiver() as receiver:
        yield receiver


def some_orders(count: int) -> list[Order]:
    customer, sku = make_customer(), make_sku()
    return [a_paid_order(customer, sku) for _ in range(count)]


def turn() -> None:
    sender = Sender()
    sender.drain()
    sender.close()


def _wait_for(receiver: Receiver, count: int) -> None:
    wait_until(lambda: len(receiver.got) >= count)


def check(receiver: Receiver, endpoint: WebhookEndpoint, path: str) -> None:
    """Hold what arrived against the rows: each event, as it was signed, and those of a stream in their order."""
    got = receiver.at(path)
    known = {each.event_id: each for each in endpoint.deliveries.all()}
    assert {each.id for each in got} == {*known}
    first_arrivals: dict[str, list[int]] = defaultdict(list)
    bodies: dict[str, bytes] = {}
    for each in got:
        Webhook(endpoint.secret).verify(each.body, each.headers)
        if each.id not in bodies:
            bodies[each.id] = each.body
            first_arrivals[known[each.id].stream].append(each.event["sequence"])
        assert each.body == bodies[each.id]
    assert all(sequence == sorted(sequence) for sequence in first_arrivals.values())


def test_events_arrive_whatever_the_step_of_the_crash(receiver: Receiver, stride: int) -> None:
    orders = some_orders(2)
    endpoint = make_endpoint(receiver.url("/ok"))
    happen(orders[0], "held", "released")
    happen(orders[1], "held")
    steps = 0
    for number in crashes(turn, stride=stride):
        steps = number
        end_waits()  # the leases run out, and another worker does what was left
        turn()
        assert not WebhookDelivery.objects.exclude(status="delivered").exists(), f"after a crash at step {number}"
        happen(orders[0], "held", "released")
        happen(orders[1], "held")
    check(receiver, endpoint, "/ok")
    assert steps > 20


@pytest.mark.full
@pytest.mark.parametrize("kills", [1, 8])
def test_killed_workers_lose_and_invent_nothing(receiver: Receiver, house: House, kills: int) -> None:
    house.extra = {"WEBHOOK_PRIVATE_ADDRESSES": "127.0.0.0/8"}
    orders = some_orders(4)
    working = {path: make_endpoint(receiver.url(path)) for path in WORKING}
    broken = [make_endpoint(receiver.url(path)) for path in ("/hang", "/redirect")]
    workers = [house.worker("one"), house.worker("two")]
    for number in range(kills):
        for kind in KINDS:
            for order in orders:
                happen(order, kind)
        _wait_for(receiver, len(receiver.got) + 8)
        workers.pop(0).kill()
        workers.append(house.worker(f"more {number}"))
        end_waits()

    queued = WebhookDelivery.objects.filter(endpoint__in=working.values(), status="queued")
    until = time.monotonic() + 60
    while queued.exists():
        assert time.monotonic() < until
        time.sleep(2)  # what is under way arrives meanwhile
        end_waits()
    for path, endpoint in working.items():
        assert endpoint.deliveries.count() == kills * len(KINDS) * len(orders)
        check(receiver, endpoint, path)
        assert endpoint.deliveries.exclude(status="delivered").count() == 0
    assert not WebhookDelivery.objects.filter(endpoint__in=broken, status="delivered").exists()
    assert receiver.at("/ok/elsewhere") == []
    assert receiver.most_at_once["/hang"] <= PER_ENDPOINT * 2 * (2 + kills)
