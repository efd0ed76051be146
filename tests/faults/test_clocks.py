"""Clocks that are ahead, behind, jump and differ: charged and refunded once, every job ends, no lease is longer."""

import time
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db.models.functions import Now

from backoffice import database_clock
from billing.models import Payment, Refund
from devserver.fake_stripe_server import FakeStripeServer
from ecommerce.models import BulkJob, Order, OrderAct
from ecommerce.orders.cancel import cancel
from ecommerce.tasks import enqueue_job
from tests.faults.clocks import wrong_clock
from tests.faults.conftest import House
from tests.faults.test_jobs_canceling import over
from tests.faults.website import Website, make_ada
from tests.support.bulk_jobs import a_clerk, a_job
from tests.support.factories import ANA, make_sku, place_order

pytestmark = pytest.mark.django_db(transaction=True)
Ledger = Callable[[], dict[str, Any]]
WITHIN = 75
ORDERS = 6
LOST: list[dict[str, Any]] = [
    {"match": "POST /v1/payment_intents", "fault": "drop_after", "probability": 0.7},
    {"match": "POST /v1/refunds", "fault": "drop_after", "probability": 0.7},
]
STRIPE_AWAY: list[dict[str, Any]] = [
    {"match": "POST /v1", "fault": "drop_before"},
    {"match": "GET /v1", "fault": "drop_before"},
]


def wait_for(over: Callable[[], bool], within: float = WITHIN, meanwhile: Callable[[], None] = lambda: None) -> float:
    begun = time.monotonic()
    while not over():
        left = list(
            OrderAct.objects.filter(closed_at=None).values_list("kind", "payment__attempts", "refund__attempts")
        )
        assert time.monotonic() - begun < within, f"still open after {within} s: {left}"
        meanwhile()
        time.sleep(0.5)
    return time.monotonic() - begun


def no_act_is_open() -> bool:
    return not OrderAct.objects.filter(closed_at=None).exists()


def check_leases() -> None:
    """No lease, and no wait for Stripe, lies further ahead than a minute."""
    for model in (Payment, Refund):
        waiting = model.objects.filter(closed_at=None, status__in=("requested", "processing"))
        assert not waiting.filter(next_attempt_at__gt=Now() + timedelta(seconds=61)).exists()


def order_on_the_website(house: House, count: int) -> None:
    website, sku, told = Website.entered(house.base_url), make_sku(), Counter[str]()
    for number in range(count):
        body = {"items": [{"sku_id": sku.pk, "quantity": 1}], "gateway_token": "tok_visa"}
        website.order_until_answered(body, f"clock-{number}", told)


def check_once(ledger: Ledger, count: int) -> None:
    taken = [each for each in ledger()["payment_intents"] if each["status"] == "succeeded"]
    assert len(taken) == len({each["metadata"]["payment"] for each in taken}) == count
    assert len({each["payment_intent"] for each in ledger()["refunds"]}) == len(ledger()["refunds"]) == count


@pytest.mark.parametrize(
    ("web", "worker", "beat"),
    [
        ("+10m", "+0", "-10m"),
        pytest.param("-10m", "+10m", "+0", marks=pytest.mark.full),
        pytest.param("+3d", "-3d", "+3d", marks=pytest.mark.full),
        pytest.param("-3d", "+3d", "-3d", marks=pytest.mark.full),
        pytest.param("+10m", "-10m", "+3d", marks=pytest.mark.full),
    ],
)
def test_answers_are_lost_while_clocks_differ(
    web: str,
    worker: str,
    beat: str,
    empty_stripe: FakeStripeServer,
    house: House,
    ledger: Ledger,
    balanced: Callable[[], None],
) -> None:
    make_ada()
    for name, offset in (("web", web), ("worker", worker), ("beat", beat)):
        house.clocks[name] = wrong_clock(offset)
    house.web()
    empty_stripe.faults(*LOST)
    order_on_the_website(house, ORDERS)
    assert empty_stripe.fault_counts()["drop_after"] > 0
    check_leases()
    house.worker()
    house.beat()
    wait_for(no_act_is_open, meanwhile=check_leases)
    assert set(Order.objects.values_list("status", flat=True)) == {"paid"}

    job = a_job("cancel", list(Order.objects.all()), a_clerk("cancel"))
    enqueue_job(job)
    over(job, WITHIN, lambda _job: check_leases())
    assert (job.status, set(Order.objects.values_list("status", flat=True))) == ("succeeded", {"canceled"})
    check_once(ledger, ORDERS)
    assert abs(Order.objects.latest("pk").created_at - database_clock.now()) < timedelta(minutes=5)
    balanced()


@pytest.mark.full
def test_a_clock_jumps_both_ways_during_a_job(
    empty_stripe: FakeStripeServer, house: House, ledger: Ledger, tmp_path: Path, balanced: Callable[[], None]
) -> None:
    orders = [place_order() for _ in range(20)]
    file = tmp_path / "offset"
    house.clocks["worker"] = house.clocks["beat"] = wrong_clock("+0", file)
    house.worker()
    house.beat()
    empty_stripe.faults(*LOST, {"match": "POST /v1/refunds", "fault": "delay", "delay_ms": 300})
    offsets = iter(["+1h", "-1h", "+2d", "-2d"] * 50)
    job = a_job("cancel", orders, a_clerk("cancel"))
    enqueue_job(job)

    def jump(_job: BulkJob) -> None:
        file.write_text(next(offsets))
        check_leases()

    over(job, WITHIN, jump)
    assert job.status == "succeeded"
    check_once(ledger, 20)
    balanced()


@pytest.mark.full
def test_a_worker_with_a_fast_clock_is_killed_and_leaves_no_longer_lease(
    empty_stripe: FakeStripeServer, house: House, ledger: Ledger, balanced: Callable[[], None]
) -> None:
    orders = [place_order() for _ in range(4)]
    house.clocks["worker"] = wrong_clock("+10m")
    worker = house.worker()
    empty_stripe.faults({"match": "POST /v1/refunds", "fault": "hold"})
    job = a_job("cancel", orders, a_clerk("cancel"))
    enqueue_job(job)
    wait_for(lambda: Refund.objects.filter(attempts=1).exists())
    check_leases()
    worker.kill()
    empty_stripe.clear()
    house.clocks["worker"] = wrong_clock("-10m")
    house.worker("another")
    house.beat()
    over(job, WITHIN)
    check_once(ledger, 4)
    balanced()


@pytest.mark.full
def test_all_is_settled_soon_after_stripe_has_come_back(
    empty_stripe: FakeStripeServer, house: House, ledger: Ledger, balanced: Callable[[], None]
) -> None:
    orders = [place_order() for _ in range(30)]
    empty_stripe.faults(*STRIPE_AWAY)
    house.worker()
    house.beat()
    for order in orders[:10]:
        cancel(order_id=order.pk, reason="away", by=ANA, at=database_clock.now())
    job = a_job("cancel", orders[10:], a_clerk("cancel"))
    enqueue_job(job)
    # The waits have grown as long as they become.
    wait_for(lambda: not Refund.objects.filter(attempts__lt=4).exists(), within=150)
    empty_stripe.clear()
    took = wait_for(no_act_is_open)
    assert took < 60
    over(job, WITHIN)
    check_once(ledger, 30)
    balanced()
