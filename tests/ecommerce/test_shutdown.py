"""A worker that is to end stops at the next step of whatever takes long, and what it leaves is gone on with at once."""

import threading
import time
from collections.abc import Callable, Iterator
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from celery.signals import worker_shutting_down
from django.conf import settings
from django.core.mail import send_mail
from django.db import connection
from django.test import override_settings
from django.utils import timezone

from backoffice import shutdown
from customers.actors import Actor
from customers.mail import delivery
from customers.models import Customer, Mail
from ecommerce import imports
from ecommerce.bulk_jobs import export, leases
from ecommerce.bulk_jobs.run import run_job
from ecommerce.exports import orders as export_orders
from ecommerce.models import FileImport, Order
from ecommerce.webhooks.sender import Sender
from pelcro_orders.celery import app
from tests.support.bulk_jobs import a_clerk, a_job, work
from tests.support.factories import make_customer, make_sku, make_staff
from tests.support.rows import a_paid_order
from tests.support.waiting import wait_until
from tests.support.webhook_receiver import happen, make_endpoint, statuses, webhook_receiver

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _ends() -> Iterator[None]:
    yield
    shutdown.forget()


def orders(count: int) -> list[Order]:
    customer, sku = make_customer(), make_sku()
    return [a_paid_order(customer, sku) for _ in range(count)]


def test_celery_says_that_the_worker_is_to_end() -> None:
    assert app.tasks
    assert not shutdown.has_begun()
    assert not shutdown.time_is_up(time.monotonic() + 5)
    worker_shutting_down.send(sender="worker@here", sig="SIGTERM", how="Warm", exitcode=0)
    assert shutdown.has_begun()
    assert shutdown.time_is_up(time.monotonic() + 5)


@pytest.mark.parametrize("action", ["fulfill", "cancel"])
def test_a_job_begins_nothing_more(action: str) -> None:
    job = a_job(action, orders(2), a_clerk())
    shutdown.begin()
    assert run_job(job_id=job.pk, seconds=20) is True  # so that its task is enqueued for another worker
    assert job.items.count() == 0
    shutdown.forget()
    if action == "fulfill":
        assert work(job).status == "succeeded"


def test_an_export_is_given_back_without_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    backend = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": tmp_path}}
    monkeypatch.setattr(export, "HEARTBEAT_INTERVAL", 0)
    job = a_job("export", orders(1), a_clerk())

    def to_end(_job: Any, tell: Callable[[int], None]) -> Iterator[bytes]:
        yield b"half"
        shutdown.begin()
        tell(1)

    with override_settings(STORAGES={**settings.STORAGES, "exports": backend}):
        with monkeypatch.context() as patch:
            patch.setattr(export_orders, "order_rows", to_end)
            run_job(job_id=job.pk, seconds=20)
        assert list((tmp_path / "orders").iterdir()) == []
        assert leases.jobs_without_worker().get() == job
        shutdown.forget()
        assert work(job).status == "succeeded"
        assert [each.name for each in (tmp_path / "orders").iterdir()] == [Path(job.file).name]


def test_an_import_is_given_back_after_a_batch_and_writes_no_row_twice(
    settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    location = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": tmp_path}}
    settings.STORAGES = settings.STORAGES | {"import_export": location}
    by = Actor.staff(make_staff("mia", "customers.add_customer", "customers.change_customer"))
    data = b"email,first_name\n" + b"".join(b"c%d@example.com,C\n" % number for number in range(5))
    file = imports.begin(kind="customer", name="rows.csv", data=data, by=by, at=timezone.now())
    monkeypatch.setattr(imports, "SMALL", 1)
    monkeypatch.setattr(imports, "BATCH", 2)
    imports.confirm(import_id=file.pk)

    shutdown.begin()
    imports.run(import_id=file.pk)
    assert Customer.objects.count() == 2
    assert imports.waiting().get() == file
    shutdown.forget()
    imports.run(import_id=file.pk)
    file = FileImport.objects.get(pk=file.pk)
    assert (file.status, file.applied, Customer.objects.count()) == ("done", 5, 5)


def test_mails_that_are_not_sent_stay_queued() -> None:
    with override_settings(EMAIL_BACKEND="customers.mail.backend.OutboxBackend"):
        send_mail("Hello", "A text.", None, ["ada@example.com"])
    shutdown.begin()
    assert delivery.send_due(until=time.monotonic() + 5) is True
    assert Mail.objects.get().attempts == 0


def test_the_answers_to_webhooks_under_way_are_recorded(settings: Any) -> None:
    settings.WEBHOOK_PRIVATE_ADDRESSES = [ip_network("127.0.0.0/8")]
    (order,) = orders(1)

    def send() -> None:
        Sender().run(threading.Event())
        connection.close()

    with webhook_receiver() as receiver:
        endpoint = make_endpoint(receiver.url("/slow"))
        happen(order, "held")
        sending = threading.Thread(target=send)
        sending.start()
        wait_until(lambda: len(receiver.got) == 1)
        shutdown.begin()
        happen(order, "released")
        sending.join(5)
    assert not sending.is_alive()
    assert statuses(endpoint) == ["delivered", "queued"]
    assert len(receiver.got) == 1
