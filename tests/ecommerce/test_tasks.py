import time
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from celery.signals import worker_ready
from django.db import connection, transaction
from django.utils import timezone

from billing import gateway, refunds
from billing.models import CustomerUpdate, Payment, Refund, WebhookEvent
from billing.tasks import process_event
from customers.change_email import change_email
from devserver.fake_stripe_server import FakeStripeServer
from ecommerce import tasks
from ecommerce.models import OrderAct
from ecommerce.orders import execute
from ecommerce.orders.cancel import cancel
from ecommerce.tasks import execute_act, sweep
from pelcro_orders.celery import app
from tests.support.factories import ANA, make_card, make_customer, make_sku, place_order
from tests.support.order_acts import fresh, paid, payment_of

REFUSE = """
CREATE FUNCTION refuse_lease() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'refused'; END $$;
CREATE TRIGGER refuse_lease BEFORE UPDATE ON billing_refund FOR EACH ROW WHEN (OLD.id = %d)
    EXECUTE FUNCTION refuse_lease()
"""
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("balanced")]
NOW = timezone.now


@pytest.fixture
def enqueued(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, int]]]:
    """The messages that were sent; no worker receives them."""
    sent: list[tuple[str, dict[str, int]]] = []
    for task in (process_event, sweep):
        monkeypatch.setattr(task, "delay", lambda name=task.name, **ids: sent.append((name, ids)))
    return sent


@pytest.mark.parametrize("count", [40, pytest.param(200, marks=pytest.mark.full)])
def test_refunds_that_a_worker_left_are_executed_within_a_minute(
    count: int, fake_stripe: FakeStripeServer, ledger: Any
) -> None:
    make_sku(price=100_000)
    for _ in range(count // 20):
        payment = payment_of(paid())
        with transaction.atomic():
            for _each in range(20):
                refunds.create_refund(payment=payment, amount=1000, reason="", by=ANA, at=NOW())
    fake_stripe.faults({"match": "POST /v1/refunds", "fault": "delay", "delay_ms": 150})
    before = time.monotonic()
    while Refund.objects.exclude(status="succeeded").exists() and time.monotonic() - before < 60:
        sweep()
    assert time.monotonic() - before < 60
    assert [each["amount"] for each in ledger()["refunds"]] == [1000] * count


def test_sweeping_twice_at_once_sends_once(ledger: Any) -> None:
    for _ in range(4):
        cancel(order_id=paid().pk, reason="", by=ANA, at=NOW())
    tasks.run_in_threads([partial(lambda at, number: sweep(), number=1)] * 3, until=time.monotonic() + 5)
    assert OrderAct.objects.filter(closed_at=None).count() == 0
    assert len(ledger()["refunds"]) == 4


def test_one_that_breaks_stops_none_of_the_others(monkeypatch: pytest.MonkeyPatch, caplog: Any) -> None:
    orders = [paid() for _ in range(3)]
    for order in orders:
        cancel(order_id=order.pk, reason="", by=ANA, at=NOW())
    poison = Refund.objects.order_by("pk")[0].pk
    whole = execute.execute_refund

    def breaks(*, refund_id: int, at: Any) -> None:
        if refund_id == poison:
            raise ZeroDivisionError
        whole(refund_id=refund_id, at=at)

    monkeypatch.setattr(execute, "execute_refund", breaks)
    sweep()
    assert [fresh(order).status for order in orders] == ["paid", "canceled", "canceled"]
    assert "ZeroDivisionError" in caplog.text
    monkeypatch.undo()
    tasks.failed_calls.forget(partial(whole, refund_id=poison))  # its wait is over
    sweep()
    assert fresh(orders[0]).status == "canceled"


def test_events_that_nobody_worked_on_are_enqueued_again(enqueued: list[Any]) -> None:
    due = WebhookEvent.objects.create(stripe_event_id="evt_1", type="unknown", payload={}, next_attempt_at=NOW())
    later = NOW() + timedelta(seconds=50)
    WebhookEvent.objects.create(stripe_event_id="evt_2", type="unknown", payload={}, next_attempt_at=later)
    WebhookEvent.objects.create(
        stripe_event_id="evt_3", type="unknown", payload={}, next_attempt_at=None, processed_at=NOW()
    )
    sweep()
    assert enqueued == [("billing.process_event", {"event_id": due.pk})]


def test_a_worker_that_starts_sweeps(enqueued: list[Any]) -> None:
    worker_ready.send(sender=None)
    worker_ready.send(sender=None)
    assert enqueued == [("ecommerce.sweep", {})] * 2


def test_what_is_leased_or_not_due_is_left_alone(fake_stripe: FakeStripeServer) -> None:
    fake_stripe.faults({"match": "POST /v1/payment_intents", "fault": "drop_after", "times": 1})
    order = place_order()
    Payment.objects.update(next_attempt_at=NOW() + timedelta(seconds=30))
    sweep()
    assert (fresh(order).money_state, payment_of(order).attempts) == ("payment_processing", 1)
    Payment.objects.update(next_attempt_at=NOW())
    sweep()
    assert fresh(order).status == "paid"


def test_an_act_that_is_over_is_not_executed_again() -> None:
    order = paid()
    execute_act(act_id=order.acts.get().pk)
    execute_act(act_id=0)
    assert payment_of(order).attempts == 1


def test_beat_schedules_tasks_that_exist() -> None:
    enqueued = {entry["task"] for entry in app.conf.beat_schedule.values()}
    assert {"ecommerce.sweep", "billing.reconcile_nightly"} <= enqueued <= set(app.tasks)


def test_a_row_that_can_never_be_leased_is_logged_once_and_takes_the_place_of_none(
    monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    monkeypatch.setattr(tasks, "MAX_ROWS", 1)
    orders = [paid() for _ in range(2)]
    for order in orders:
        cancel(order_id=order.pk, reason="", by=ANA, at=NOW())
    first = Refund.objects.order_by("next_attempt_at")[0]
    with connection.cursor() as cursor:
        cursor.execute(REFUSE % first.pk)
    try:
        sweep()
        sweep()
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP FUNCTION refuse_lease() CASCADE")
    failed = [each for each in caplog.records if "failed; it is tried again in" in each.getMessage()]
    said = f"Executing {{'refund_id': {first.pk}}} failed; it is tried again in 30 s."
    assert [each.getMessage() for each in failed] == [said]
    assert sorted(fresh(order).status for order in orders) == ["canceled", "paid"]


def test_a_step_of_the_sweep_that_fails_keeps_money_from_nothing(monkeypatch: pytest.MonkeyPatch, caplog: Any) -> None:
    order = paid()
    cancel(order_id=order.pk, reason="", by=ANA, at=NOW())

    def breaks() -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr("ecommerce.bulk_jobs.leases.jobs_without_worker", breaks)
    sweep()
    assert fresh(order).status == "canceled"
    assert "A step of the sweep failed" in caplog.text


def test_the_sweep_sends_an_email_that_was_changed(caplog: Any) -> None:
    update = CustomerUpdate.objects.create(customer=make_customer())
    sweep()
    update.refresh_from_db()
    assert (update.next_attempt_at, update.error) == (None, "")
    assert "failed" not in caplog.text


def test_a_changed_e_mail_that_lost_its_message_reaches_stripe_by_the_sweep() -> None:
    customer = make_customer()
    make_card(customer)
    change_email(customer=customer, email="new@example.com", by=ANA, at=timezone.now())
    sweep()
    assert CustomerUpdate.objects.get().next_attempt_at is None
    assert gateway.retrieve_customer(customer.stripe_customer_id or "")[0] == "new@example.com"
