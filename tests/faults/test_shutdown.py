"""SIGTERM: a worker ends within 30 seconds, whatever it is at, and nothing of it is lost or done twice; web answers."""

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.core.mail import send_mail
from django.core.management import call_command
from django.test import override_settings
from django.utils import timezone

from backoffice.file_storage import storage
from customers.actors import Actor
from customers.models import Customer, Mail
from customers.tasks import send_mails
from devserver.process import Process
from ecommerce import imports
from ecommerce.bulk_jobs.outcomes import Progress
from ecommerce.models import BulkJob, FileImport, Order, WebhookDelivery
from ecommerce.tasks import enqueue_import, enqueue_job
from tests.faults.conftest import House
from tests.faults.test_jobs_canceling import check, over
from tests.faults.website import Website, make_ada
from tests.support.bulk_jobs import a_clerk, a_job
from tests.support.factories import make_customer, make_sku, make_staff
from tests.support.mailbox import mail_server
from tests.support.rows import a_paid_order
from tests.support.selling import sell
from tests.support.waiting import wait_until
from tests.support.webhook_receiver import happen, make_endpoint, webhook_receiver

pytestmark = pytest.mark.django_db(transaction=True)
SLOW: dict[str, Any] = {"match": "POST /v1/refunds", "fault": "delay", "delay_ms": 150}
WORKER_SECONDS, BEAT_SECONDS = 30, 10
MANY = 200  # more than a worker has at Stripe at once


def end(program: Process, within: float) -> float:
    """Send SIGTERM and wait until it has ended by itself, well; give the seconds that took."""
    assert program.child is not None
    begun = time.monotonic()
    program.send_stop_signal()
    assert program.child.wait(within) == 0, program.log_tail()
    return time.monotonic() - begun


def test_a_worker_amid_a_cancel_ends_and_another_goes_on(
    house: House, balanced: Callable[[], None], ledger: Callable[[], dict[str, Any]]
) -> None:
    sell(MANY)
    house.stack.fake_stripe.faults(SLOW)
    job = a_job("cancel", Order.objects.all(), a_clerk())
    old = house.worker("old")
    enqueue_job(job)
    wait_until(lambda: Progress(job).ended >= 5)
    end(old, WORKER_SECONDS)

    # Whatever was sent is written, with nobody there: no look-up is needed for it.
    assert 5 <= len(ledger()["refunds"]) == job.items.filter(status="done").count() < MANY
    balanced()
    house.worker("new")
    over(job, 60)
    check(job, ledger, MANY)


@pytest.mark.full
def test_a_worker_amid_an_export_ends_and_the_file_is_whole(house: House) -> None:
    call_command("generate_orders", 50_000, verbosity=0)
    house.beat()
    old = house.worker("old")
    job = a_job("export", Order.objects.all(), a_clerk())
    enqueue_job(job)
    wait_until(lambda: BulkJob.objects.get(pk=job.pk).file_rows > 0)
    took = end(old, WORKER_SECONDS)
    job.refresh_from_db()
    print(f"\nended in {took:.1f} s, after {job.file_rows} rows: {job.status}")  # noqa: T201
    house.worker("new")
    over(job, 75)
    assert job.status == "succeeded"
    with storage().open(job.file) as file:
        assert bytes(file.read()).count(b"\r\n") == 50_001
    assert [name for name in job.selection["unfinished"] if name != job.file and storage().exists(name)] == []


@pytest.mark.full
def test_a_worker_amid_an_import_ends_and_no_row_is_written_twice(house: House) -> None:
    by = Actor.staff(make_staff("mia", "customers.add_customer", "customers.change_customer"))
    data = b"email,first_name\n" + b"".join(b"c%d@example.com,C\n" % number for number in range(20_000))
    house.beat()
    old = house.worker("old")
    file = imports.begin(kind="customer", name="rows.csv", data=data, by=by, at=timezone.now())
    enqueue_import(file)
    wait_until(lambda: FileImport.objects.get(pk=file.pk).status == "ready", seconds=60)
    enqueue_import(imports.confirm(import_id=file.pk))
    wait_until(lambda: FileImport.objects.get(pk=file.pk).applied > 0, seconds=60)
    took = end(old, WORKER_SECONDS)
    file.refresh_from_db()
    print(f"\nended in {took:.1f} s, after {file.applied} rows")  # noqa: T201
    assert 0 < file.applied == Customer.objects.count() < 20_000
    house.worker("new")
    wait_until(lambda: FileImport.objects.get(pk=file.pk).status == "done", seconds=90)
    assert Customer.objects.count() == 20_000


@pytest.mark.full
def test_a_worker_amid_mails_ends_and_each_leaves_once(house: House) -> None:
    with mail_server() as server, override_settings(**server.settings()):
        house.extra = {"EMAIL_URL": f"smtp://127.0.0.1:{server.port}", "MAIL_MAX_PER_SECOND": "50"}
        for number in range(400):
            send_mail(f"Hello {number}", "A text.", None, ["ada@example.com"])
        old = house.worker("old")
        send_mails.delay()
        wait_until(lambda: len(server.got) > 20)
        end(old, WORKER_SECONDS)
        assert len(server.got) == Mail.objects.filter(status="sent").count() < 400
        house.worker("new")
        wait_until(lambda: not Mail.objects.exclude(status="sent").exists(), seconds=60)
        assert len(server.got) == len(set(server.message_ids)) == 400


@pytest.mark.full
def test_a_worker_amid_webhooks_ends_and_each_arrives_once(house: House) -> None:
    house.extra = {"WEBHOOK_PRIVATE_ADDRESSES": "127.0.0.0/8"}
    customer, sku = make_customer(), make_sku()
    with webhook_receiver() as receiver:
        make_endpoint(receiver.url("/slow"))
        for _ in range(60):
            happen(a_paid_order(customer, sku), "held")
        total = WebhookDelivery.objects.count()
        old = house.worker("old")
        wait_until(lambda: len(receiver.got) > 10)
        end(old, WORKER_SECONDS)
        sent = len(receiver.got)
        assert sent == WebhookDelivery.objects.filter(status="delivered").count() < total
        house.worker("new")
        wait_until(lambda: not WebhookDelivery.objects.exclude(status="delivered").exists(), seconds=30)
        assert len(receiver.got) == len({each.id for each in receiver.got}) == total


@pytest.mark.full
def test_beat_ends_at_once(house: House) -> None:
    assert end(house.beat(), BEAT_SECONDS) < BEAT_SECONDS


@pytest.mark.full
def test_web_answers_what_it_was_asked(house: House, balanced: Callable[[], None]) -> None:
    sku = make_sku()
    make_ada()
    house.stack.fake_stripe.faults({"match": "POST /v1/payment_intents", "fault": "delay", "delay_ms": 3000})
    web = house.web()
    website = Website.entered(house.base_url)
    body = {"gateway_token": "tok_visa", "items": [{"sku_id": sku.pk, "quantity": 1}]}
    failed: list[Exception] = []

    def order() -> None:
        try:
            website.order(body)
        except Exception as error:  # noqa: BLE001 - told below
            failed.append(error)

    customers = [threading.Thread(target=order) for _ in range(6)]
    for each in customers:
        each.start()
    wait_until(lambda: Order.objects.count() == 6)
    took = end(web, 30)
    for each in customers:
        each.join(5)
    assert failed == []
    assert list(Order.objects.values_list("status", flat=True)) == ["paid"] * 6
    assert 1 < took < 5
    balanced()
