"""Messages don't pile up: a row that was enqueued is enqueued again only after a while, or once its queue is empty."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from typing import Any

import pytest
import redis
from django.conf import settings
from django.utils import timezone

from backoffice import retention
from backoffice.process_leases import process_lease
from billing import wakeups
from billing.models import WebhookEvent
from billing.webhooks import processing
from ecommerce.bulk_jobs import processes
from ecommerce.models import BulkJob
from ecommerce.tasks import sweep, work_job
from pelcro_orders.celery import app
from tests.support.bulk_jobs import a_clerk, a_job
from tests.support.factories import place_order
from tests.support.retention import removed

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def queues() -> Any:
    """The queues of the broker, emptied before and after."""
    broker = redis.Redis.from_url(settings.REDIS_URL)
    broker.delete("events", "celery")
    yield broker
    broker.delete("events", "celery")


def events(count: int) -> None:
    for number in range(count):
        WebhookEvent.objects.create(stripe_event_id=f"evt_{number}", type="unknown", payload={})


def test_ten_sweeps_of_two_beats_send_one_message_an_event_a_job_and_all_mails(queues: Any) -> None:
    events(30)
    a_job("cancel", [place_order()], a_clerk())
    for _each in range(10):
        sweep()
        sweep()
    # One more for all the mails that are to be sent.
    assert (queues.llen("events"), queues.llen("celery")) == (30, 2)


def test_messages_that_were_lost_are_sent_again(queues: Any) -> None:
    events(3)
    sweep()
    queues.delete("events")
    sweep()
    assert queues.llen("events") == 0  # they may be on their way to a worker
    WebhookEvent.objects.update(enqueued_at=timezone.now() - timedelta(seconds=11))
    sweep()
    assert queues.llen("events") == 3
    sweep()
    assert queues.llen("events") == 3


def test_a_message_that_waits_for_long_is_sent_again(queues: Any) -> None:
    events(1)
    sweep()
    WebhookEvent.objects.update(enqueued_at=timezone.now() - wakeups.REPEAT)
    sweep()
    assert queues.llen("events") == 2


def test_an_event_that_is_to_be_tried_again_is_enqueued_when_it_is_due(queues: Any) -> None:
    payload = {"data": {"object": {"id": "re_unknown", "metadata": {}}}}
    event = WebhookEvent.objects.create(stripe_event_id="evt_1", type="refund.updated", payload=payload)
    sweep()
    processing.process_event(event_id=event.pk, at=timezone.now())
    WebhookEvent.objects.update(next_attempt_at=timezone.now())
    sweep()
    assert queues.llen("events") == 2


def test_two_processes_at_most_work_on_a_job(monkeypatch: pytest.MonkeyPatch) -> None:
    worked: list[int] = []
    monkeypatch.setattr("ecommerce.bulk_jobs.run.run_job", lambda *, job_id, seconds: worked.append(job_id))
    job = a_job("fulfill", [place_order()], a_clerk())
    with others_at(job, 1):
        work_job(job_id=job.pk)
        assert worked == [job.pk]
    with others_at(job, 1, 2):
        work_job(job_id=job.pk)
        assert worked == [job.pk]
    work_job(job_id=job.pk)
    assert worked == [job.pk] * 2


def test_one_process_works_on_a_job_of_refunds_unless_it_is_silent() -> None:
    job = a_job("cancel", [place_order()], a_clerk())
    BulkJob.objects.update(status="running", beat_at=timezone.now())
    with others_at(job, 1):
        with processes.entered(job.pk) as entered:
            assert not entered
        BulkJob.objects.update(beat_at=timezone.now() - timedelta(seconds=30))
        with processes.entered(job.pk) as entered:
            assert entered


@contextmanager
def others_at(job: BulkJob, *places: int) -> Iterator[None]:
    """Have other processes hold places at a job."""
    with ExitStack() as others:
        for place in places:
            assert others.enter_context(process_lease(f"job {job.pk}, place {place}"))
        yield


def test_old_payloads_are_removed_in_slices(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "SLICE", 2)
    settings.WEBHOOK_PAYLOAD_DAYS = 30
    long_ago = timezone.now() - timedelta(days=31)
    payload = {"data": {"object": {"id": "re_1"}}}
    for number in range(5):
        WebhookEvent.objects.create(
            stripe_event_id=f"evt_{number}",
            type="refund.updated",
            payload=payload,
            received_at=long_ago,
            processed_at=long_ago if number else timezone.now(),
            next_attempt_at=None,
        )
    WebhookEvent.objects.create(stripe_event_id="evt_waiting", type="refund.updated", payload=payload)
    assert removed("webhook_payloads") == 4
    kept = WebhookEvent.objects.exclude(payload={}).order_by("pk")
    assert [event.stripe_event_id for event in kept] == ["evt_0", "evt_waiting"]


def test_worker_and_beat_wait_for_redis_without_end() -> None:
    # The default, 100, lets both leave after 47 minutes.
    assert app.conf.broker_connection_max_retries is None
    assert app.conf.broker_connection_retry_on_startup is True
