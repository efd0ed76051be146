"""Stopping a job that refunds: what was requested and not sent is given back, and only calls in flight end."""

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from billing.models import Payment, Refund
from customers.models import User
from devserver.fake_stripe_server import FakeStripeServer
from ecommerce.bulk_jobs import control, stopping
from ecommerce.bulk_jobs.outcomes import Progress
from ecommerce.bulk_jobs.run import run_job, run_next_slice
from ecommerce.models import BulkJob, BulkJobItem, Order, OrderAct
from ecommerce.orders.refund import refund
from ecommerce.orders.refund_quotes import RefundRequest
from ecommerce.orders.stop_requests import stop_requests
from ecommerce.tasks import sweep
from tests.support.bulk_jobs import a_clerk, a_job, cancel_by_hand, outcomes, work
from tests.support.factories import ANA, make_sku, make_user, place_order

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("balanced")]
Ledger = Callable[[], dict[str, Any]]


def requested(count: int, by: User, **fields: Any) -> tuple[BulkJob, list[Order]]:
    """A cancel of so many orders, all requested and none sent."""
    make_sku()
    orders = [place_order(**fields) for _each in range(count)]
    job = a_job("cancel", orders, by)
    assert run_next_slice(job.pk)
    assert OrderAct.objects.filter(kind="cancel", closed_at=None).count() == count
    return job, orders


def assert_as_before(orders: list[Order]) -> None:
    for order in Order.objects.filter(pk__in=[each.pk for each in orders]):
        assert (order.status, order.money_state, order.attention) == ("paid", "", "")
    acts = OrderAct.objects.filter(kind="cancel")
    assert set(acts.values_list("outcome", flat=True)) == {"stopped"}
    assert not acts.exclude(refund=None).exists()
    assert not Refund.objects.exists()
    assert set(Payment.objects.values_list("refunds", flat=True)) == {0}


def test_stop_gives_back_at_once_what_was_not_sent(ledger: Ledger) -> None:
    ben = a_clerk()
    job, orders = requested(5, ben)
    stopped = control.stop(job_id=job.pk, by=ben)

    # Before any worker has looked at it.
    assert_as_before(orders)
    assert stopped.given_back == 5
    assert set(outcomes(job).values()) == {("pending", "")}
    last = orders[0].events.order_by("-pk")[0]
    assert (last.kind, last.data["reason"]) == ("request_stopped", "Stopped by ben.")
    assert work(job).status == "stopped"
    assert ledger()["refunds"] == []

    control.resume(job_id=job.pk, by=ben)
    assert work(job).status == "succeeded"
    assert (job.given_back, Progress(job).done, len(ledger()["refunds"])) == (0, 5, 5)


@pytest.mark.django_db(transaction=True)
def test_an_order_keeps_what_else_there_is_to_say(ledger: Ledger) -> None:
    ben = a_clerk()
    order = place_order(token="pm_card_pendingRefund", quantity=2)
    refund(order_id=order.pk, reason="Scratched", by=ANA, at=timezone.now(), request=RefundRequest(amount=500))
    Refund.objects.update(next_attempt_at=timezone.now())
    sweep()
    order.refresh_from_db()
    before = (order.status, order.money_state, order.attention, order.amount_refunded)
    job = a_job("cancel", [order], ben)
    assert run_next_slice(job.pk)
    control.stop(job_id=job.pk, by=ben)

    order.refresh_from_db()
    assert (order.status, order.money_state, order.attention, order.amount_refunded) == before
    assert Payment.objects.get().refunds == 500


@pytest.mark.django_db(transaction=True)
def test_an_act_that_a_person_joined_is_not_given_back(ledger: Ledger) -> None:
    ben = a_clerk()
    job, orders = requested(2, ben)
    cancel_by_hand(orders[0], a_clerk("cleo"))
    assert control.stop(job_id=job.pk, by=ben).given_back == 1
    assert work(job).status == "stopped"

    assert OrderAct.objects.get(order=orders[0], kind="cancel").closed_at is None
    Refund.objects.update(next_attempt_at=timezone.now())
    sweep()
    assert [Order.objects.get(pk=each.pk).status for each in orders] == ["canceled", "paid"]
    assert len(ledger()["refunds"]) == 1
    control.resume(job_id=job.pk, by=ben)
    work(job)
    assert outcomes(job)[orders[0].number][0] == "skipped"
    assert outcomes(job)[orders[1].number] == ("done", "")


def test_an_act_that_another_job_joined_is_given_back_by_the_last(ledger: Ledger) -> None:
    ben = a_clerk()
    job, orders = requested(2, ben)
    other = a_job("cancel", orders, ben)
    assert run_next_slice(other.pk)
    assert control.stop(job_id=job.pk, by=ben).given_back == 0
    assert work(job).status == "stopped"
    assert OrderAct.objects.filter(closed_at=None).count() == 2

    assert control.stop(job_id=other.pk, by=ben).given_back == 2
    assert_as_before(orders)


def test_an_act_of_a_person_that_the_job_joined_is_left_alone(ledger: Ledger) -> None:
    order, ben = place_order(), a_clerk()
    cancel_by_hand(order, a_clerk("cleo"))
    job = a_job("cancel", [order], ben)
    assert run_next_slice(job.pk)
    assert control.stop(job_id=job.pk, by=ben).given_back == 0
    assert work(job).status == "stopped"
    assert OrderAct.objects.get(kind="cancel").closed_at is None
    assert Refund.objects.count() == 1


def test_a_right_taken_away_gives_back_what_was_not_sent(ledger: Ledger) -> None:
    ben = a_clerk()
    job, orders = requested(4, ben)
    ben.user_permissions.clear()
    assert work(job).status == "stopped"

    assert "may not cancel orders any more" in job.message
    assert_as_before(orders)
    assert (job.given_back, ledger()["refunds"]) == (4, [])


def test_stop_twice_and_resume_at_once(ledger: Ledger) -> None:
    ben = a_clerk()
    job, _orders = requested(3, ben)
    control.stop(job_id=job.pk, by=ben)
    with pytest.raises(control.BulkJobError):
        control.stop(job_id=job.pk, by=ben)
    control.resume(job_id=job.pk, by=ben)
    assert stopping.give_back_unsent(job.pk) == 0
    assert work(job).status == "succeeded"
    assert len(ledger()["refunds"]) == 3


def test_a_worker_that_dies_while_giving_back_leaves_the_rest_to_the_next(
    monkeypatch: pytest.MonkeyPatch, ledger: Ledger
) -> None:
    ben = a_clerk()
    job, orders = requested(3, ben)
    monkeypatch.setattr(stopping, "BATCH", 1)
    begun = []

    def dying(*args: Any, **kwargs: Any) -> list[OrderAct]:
        begun.append(1)
        if len(begun) == 2:
            raise KeyboardInterrupt
        return stop_requests(*args, **kwargs)

    monkeypatch.setattr(stopping, "stop_requests", dying)
    with pytest.raises(KeyboardInterrupt):
        control.stop(job_id=job.pk, by=ben)
    assert OrderAct.objects.filter(outcome="stopped").count() == 1
    monkeypatch.setattr(stopping, "stop_requests", stop_requests)
    assert work(job).status == "stopped"
    assert_as_before(orders)
    assert (job.given_back, ledger()["refunds"]) == (3, [])


@pytest.mark.parametrize("how", ["stop", "right"])
@pytest.mark.django_db(transaction=True)
def test_no_more_refunds_follow_than_there_are_threads(
    how: str, settings: Any, fake_stripe: FakeStripeServer, ledger: Ledger
) -> None:
    ben = a_clerk()
    job, orders = requested(40, ben)
    settings.STRIPE_MAX_REQUESTS_PER_SECOND = 8
    fake_stripe.faults({"match": "POST /v1/refunds", "fault": "delay", "delay_ms": 300})

    def worker() -> None:
        run_job(job_id=job.pk, seconds=20)
        connection.close()

    thread = threading.Thread(target=worker)
    thread.start()
    while len(ledger()["refunds"]) < 4:
        time.sleep(0.02)
    if how == "stop":
        control.stop(job_id=job.pk, by=ben)
    else:
        ben.user_permissions.clear()
    before = len(ledger()["refunds"])
    thread.join()
    fake_stripe.clear()

    assert len(ledger()["refunds"]) - before <= 8
    assert work(job).status == "stopped"
    sent = len(ledger()["refunds"])
    assert sent - before <= 8
    assert job.given_back == 40 - sent
    assert (Progress(job).done, Progress(job).working) == (sent, 0)
    assert Order.objects.filter(status="paid", money_state="").count() == 40 - sent
    assert len(orders) == 40


@pytest.mark.django_db(transaction=True)
def test_what_stripe_told_to_come_back_later_counts_as_not_sent(fake_stripe: FakeStripeServer, ledger: Ledger) -> None:
    ben = a_clerk()
    job, orders = requested(3, ben)
    fake_stripe.faults({"match": "POST /v1/refunds", "fault": "status", "status": 429})
    run_job(job_id=job.pk, seconds=1)
    control.stop(job_id=job.pk, by=ben)
    assert_as_before(orders)
    fake_stripe.clear()
    assert work(job).status == "stopped"
    assert ledger()["refunds"] == []


@pytest.mark.django_db(transaction=True)
def test_what_may_be_at_stripe_is_brought_to_its_end(fake_stripe: FakeStripeServer, ledger: Ledger) -> None:
    ben = a_clerk()
    job, orders = requested(2, ben)
    # Whoever looks up what became of them gets no answer either, so that none ends before the stop.
    no_answer = ({"match": "POST /v1/refunds", "fault": "drop_after"}, {"match": "GET /v1", "fault": "drop_before"})
    fake_stripe.faults(*no_answer)
    run_job(job_id=job.pk, seconds=0.5)
    assert control.stop(job_id=job.pk, by=ben).given_back == 0
    fake_stripe.clear()
    assert work(job).status == "succeeded"  # all of its orders came to their end
    assert Progress(job).done == 2
    assert len(ledger()["refunds"]) == len(orders)


def test_the_page_says_how_many_were_given_back(client: Client) -> None:
    client.force_login(make_user("root", is_superuser=True))
    job, _orders = requested(2, a_clerk())
    client.post(f"/admin/ecommerce/bulkjob/{job.pk}/stop/do/")
    page = client.get(f"/admin/ecommerce/bulkjob/{job.pk}/change/").content.decode()
    assert "2 refunds had been requested and were not sent" in page
    assert BulkJobItem.objects.filter(status="pending").count() == 2
