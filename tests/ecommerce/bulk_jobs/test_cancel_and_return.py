from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from billing.models import Refund
from devserver.fake_stripe_server import FakeStripeServer
from ecommerce.bulk_jobs import control
from ecommerce.bulk_jobs.outcomes import Progress
from ecommerce.bulk_jobs.run import run_next_slice
from ecommerce.models import BulkJob, BulkJobItem, Order, OrderAct
from ecommerce.orders.execute import execute_act
from ecommerce.orders.fulfill import fulfill
from ecommerce.orders.refund import refund
from ecommerce.orders.refund_quotes import RefundRequest
from ecommerce.tasks import sweep
from tests.support.bulk_jobs import a_clerk, a_job, cancel_by_hand, outcomes, run, work
from tests.support.factories import ANA, make_coupon, make_sku, place_order

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("balanced")]
Ledger = Callable[[], dict[str, Any]]


def fulfilled_order(**fields: Any) -> Order:
    return fulfill(order_id=place_order(**fields).pk, by=ANA, at=timezone.now())


def test_canceling_refunds_each_order_once_and_gives_stock_back(ledger: Ledger) -> None:
    sku = make_sku(stock=10)
    orders = [place_order(sku=sku) for _each in range(5)]
    job = run("cancel", orders, a_clerk(), reason="Recalled")

    assert job.status == "succeeded"
    assert set(outcomes(job).values()) == {("done", "")}
    assert [each["amount"] for each in ledger()["refunds"]] == [1500] * 5
    assert Order.objects.filter(status="canceled", money_state="").count() == 5
    assert set(OrderAct.objects.filter(kind="cancel").values_list("reason", "outcome")) == {("Recalled", "done")}
    sku.refresh_from_db()
    assert sku.inventory_quantity == 10
    kinds = [event.kind for event in orders[0].events.order_by("pk")]
    assert kinds == ["created", "payment_requested", "paid", "cancel_requested", "refunded", "canceled"]
    assert orders[0].events.get(kind="canceled").by_label == f"ben, bulk job {job.pk}"


@pytest.mark.parametrize(("restock", "left"), [(True, 3), (False, 1)])
def test_returning_puts_back_in_stock_if_asked_to(ledger: Ledger, left: int, *, restock: bool) -> None:
    sku = make_sku(stock=3)
    orders = [fulfilled_order(sku=sku) for _each in range(2)]
    job = run("return", orders, a_clerk(), restock=restock)

    assert job.status == "succeeded"
    assert Order.objects.filter(status="returned").count() == 2
    assert len(ledger()["refunds"]) == 2
    sku.refresh_from_db()
    assert sku.inventory_quantity == left


def test_what_cost_nothing_is_canceled_without_a_refund(ledger: Ledger) -> None:
    make_coupon("FREE", percent_off=100)
    order = place_order(coupon_code="FREE", token="")
    job = run("cancel", [order], a_clerk())

    assert outcomes(job) == {order.number: ("done", "")}
    assert Order.objects.get(pk=order.pk).status == "canceled"
    assert ledger()["refunds"] == []


@pytest.mark.parametrize("action", ["fulfill", "cancel", "return"])
def test_each_action_on_each_status(action: str) -> None:
    make_sku()
    ben = a_clerk()
    created = place_order(token="pm_card_chargeDeclined")
    paid, fulfilled, canceled, returned = place_order(), fulfilled_order(), place_order(), fulfilled_order()
    run("cancel", [canceled], ben)
    run("return", [returned], ben)
    everything = {"created": created, "paid": paid, "fulfilled": fulfilled, "canceled": canceled, "returned": returned}
    job = run(action, list(everything.values()), ben)

    source = {"fulfill": "paid", "cancel": "paid", "return": "fulfilled"}[action]
    target = {"fulfill": "fulfilled", "cancel": "canceled", "return": "returned"}[action]
    found = outcomes(job)
    for status, order in everything.items():
        changed = status == source
        assert found[order.number][0] == ("done" if changed else "skipped"), status
        assert Order.objects.get(pk=order.pk).status == (target if changed else status)
        if not changed:
            words = found[order.number][1]
            assert words.startswith(f"Order {order.number} is {status}")
            assert words.endswith(f"; only a {source} order can be {target}.")
    assert job.status == "partial"


def test_a_refusal_fails_the_item_and_leaves_the_order_paid(fake_stripe: FakeStripeServer) -> None:
    order, ben = place_order(), a_clerk()
    job = a_job("cancel", [order], ben)
    fake_stripe.faults({"match": "POST /v1/refunds", "fault": "status", "status": 400})
    work(job)
    fake_stripe.clear()

    assert job.status == "failed"
    status, reason = outcomes(job)[order.number]
    assert status == "failed"
    assert reason
    order.refresh_from_db()
    assert (order.status, order.money_state) == ("paid", "refund_failed")

    again = work(control.retry(job_id=job.pk, by=ben, at=timezone.now()))
    assert again.status == "succeeded"
    order.refresh_from_db()
    assert (order.status, order.money_state) == ("canceled", "")


@pytest.mark.django_db(transaction=True)
def test_two_jobs_over_the_same_orders_send_one_refund_each(ledger: Ledger) -> None:
    make_sku()
    orders, ben, cleo = [place_order() for _each in range(6)], a_clerk(), a_clerk("cleo")
    jobs = [a_job("cancel", orders, by) for by in (ben, cleo)]

    def worker(job: BulkJob) -> None:
        work(job)
        connection.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(worker, jobs * 2))
    for job in jobs:  # what the last of two workers at once leaves to the next message
        work(job)

    assert len(ledger()["refunds"]) == 6
    assert Order.objects.filter(status="canceled").count() == 6
    for job in jobs:
        job.refresh_from_db()
        for status, reason in outcomes(job).values():
            assert status == "done" or "is canceled (by " in reason
        assert job.status in {"succeeded", "partial", "failed"}
    assert sum(status == "done" for job in jobs for status, _reason in outcomes(job).values()) >= 6


def test_an_order_canceled_by_hand_meanwhile_is_joined_while_in_flight(
    ledger: Ledger, fake_stripe: FakeStripeServer
) -> None:
    order, ben = place_order(), a_clerk()
    job = a_job("cancel", [order], ben)
    cancel_by_hand(order, a_clerk("cleo"))
    assert run_next_slice(job.pk)
    item = BulkJobItem.objects.get()
    assert (item.status, item.act) == ("working", OrderAct.objects.get(kind="cancel"))
    assert item.act
    assert item.act.by_label == "cleo"
    work(job)

    assert outcomes(job) == {order.number: ("done", "")}
    assert len(ledger()["refunds"]) == 1


def test_an_order_with_another_refund_in_flight_waits_and_is_not_skipped(ledger: Ledger) -> None:
    order, ben = place_order(quantity=2), a_clerk()
    refund(order_id=order.pk, reason="Scratched", by=ANA, at=timezone.now(), request=RefundRequest(amount=500))
    job = a_job("cancel", [order], ben)
    work(job)
    assert job.status == "running"
    status, reason = outcomes(job)[order.number]
    assert status == "pending"
    assert reason.startswith(f"Order {order.number} waits for Stripe: refund, requested by Ana at")

    execute_act(act=OrderAct.objects.get(kind="refund"), at=timezone.now())
    job.slices.update(next_attempt_at=timezone.now())
    work(job)
    assert outcomes(job) == {order.number: ("done", "")}
    assert job.status == "succeeded"
    assert sorted(each["amount"] for each in ledger()["refunds"]) == [500, 2500]


@pytest.mark.django_db(transaction=True)
def test_a_wrong_key_stops_the_job_and_fails_no_order(fake_stripe: FakeStripeServer, ledger: Ledger) -> None:
    orders, ben = [place_order()], a_clerk()
    job = a_job("cancel", orders, ben)
    fake_stripe.faults({"match": "POST /v1/refunds", "fault": "status", "status": 401})
    work(job)
    fake_stripe.clear()

    assert job.status == "stopped"
    assert job.message.startswith("Stripe refuses our key (")
    # Stripe did not look at it: the order is as before, and nothing is sent until somebody resumes the job.
    assert (Progress(job).working, job.given_back, Refund.objects.count()) == (0, 1, 0)
    sweep()
    assert ledger()["refunds"] == []
    control.resume(job_id=job.pk, by=ben)
    assert work(job).status == "succeeded"


def test_lost_answers_429_and_500_change_nothing_but_the_time_it_takes(
    fake_stripe: FakeStripeServer, ledger: Ledger
) -> None:
    make_sku()
    orders, ben = [place_order() for _each in range(12)], a_clerk()
    job = a_job("cancel", orders, ben)
    refunds = {"match": "POST /v1/refunds"}
    fake_stripe.faults(
        {**refunds, "fault": "status", "status": 429, "times": 3},
        {**refunds, "fault": "status", "status": 500, "times": 3},
        {**refunds, "fault": "drop_after", "times": 3},
    )
    work(job, seconds=60)

    assert job.status == "succeeded"
    assert len(ledger()["refunds"]) == 12


@pytest.mark.django_db(transaction=True)
def test_the_sweep_calls_a_worker_to_a_job_that_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    rung: list[dict[str, int]] = []
    monkeypatch.setattr("ecommerce.tasks.work_job.delay", lambda **ids: rung.append(ids))
    ben = a_clerk()
    waiting = a_job("cancel", [place_order()], ben)
    run("cancel", [place_order()], ben)
    attended = a_job("cancel", [place_order()], ben)
    BulkJob.objects.filter(pk=attended.pk).update(beat_at=timezone.now(), status="running")
    sweep()

    assert rung == [{"job_id": waiting.pk}]
