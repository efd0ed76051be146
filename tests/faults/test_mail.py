"""Mail under kills: between any two steps, and of whole workers; each mail arrives, under one Message-ID."""

import math
import time
from collections.abc import Iterator
from uuid import uuid4

import pytest
from django.core.cache import cache
from django.core.mail import send_mail
from django.db import transaction
from django.db.models.functions import Now
from django.test import override_settings

from backoffice.models import ProcessLease
from customers.mail import delivery
from customers.models import Mail
from customers.tasks import send_mails
from ecommerce.mails import acts
from ecommerce.tasks import SWEPT, sweep
from pelcro_orders.mail_server import SMTP_SECONDS
from tests.faults.conftest import House
from tests.faults.crashing import crashes
from tests.support.mail_provider import mail_provider
from tests.support.mailbox import MailServer, mail_server, raw_server
from tests.support.order_acts import paid
from tests.support.waiting import wait_until

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def server() -> Iterator[MailServer]:
    with mail_server() as server, override_settings(**server.settings()):
        yield server


def write(count: int = 1) -> list[str]:
    for _ in range(count):
        send_mail(f"Hello {uuid4()}", "A text.", None, ["ada@example.com"])
    return sorted(Mail.objects.filter(status="queued").values_list("message_id", flat=True))


def turn() -> None:
    delivery.send_due(until=math.inf)


def end_leases() -> None:
    """Have the leases of who was killed run out: on the mails, and on sending them."""
    Mail.objects.filter(status="queued").update(next_attempt_at=Now())
    ProcessLease.objects.all().delete()


def test_a_mail_arrives_whatever_the_step_of_the_crash(server: MailServer) -> None:
    written, steps = write(), 0
    for number in crashes(turn, stride=1):
        steps = number
        end_leases()
        turn()
        assert not Mail.objects.exclude(status="sent").exists(), f"after a crash at step {number}"
        written += write()
    assert steps > 10
    assert set(server.message_ids) == set(written)
    twice = len(server.message_ids) - len(set(server.message_ids))
    assert twice <= 6  # who died between the server's yes and the commit


def test_writing_a_mail_survives_a_crash_at_any_step_or_did_not_happen(server: MailServer) -> None:
    for _number in crashes(write, stride=1):
        turn()
    turn()
    assert sorted(server.message_ids) == sorted(Mail.objects.values_list("message_id", flat=True))
    assert set(Mail.objects.values_list("status", flat=True)) == {"sent"}


@pytest.mark.parametrize("stride", [5, pytest.param(1, marks=pytest.mark.full)])
def test_what_is_written_stays_whatever_the_step_of_the_crash(server: MailServer, stride: int) -> None:
    order = paid()
    for _number in crashes(turn, stride=stride):
        kept = {mail.pk: (mail.subject, mail.text, mail.html) for mail in Mail.objects.exclude(text="")}
        end_leases()
        turn()
        assert not Mail.objects.exclude(status="sent").exists()
        now = {mail.pk: (mail.subject, mail.text, mail.html) for mail in Mail.objects.all()}
        assert {pk: now[pk] for pk in kept} == kept
        acts.order_confirmed(order)
    turn()
    assert set(server.message_ids) == set(Mail.objects.values_list("message_id", flat=True))


@pytest.mark.full
def test_killed_workers_lose_no_mail(server: MailServer, house: House) -> None:
    house.extra = {"EMAIL_URL": f"smtp://127.0.0.1:{server.port}"}
    written = write(60)
    workers = [house.worker("one"), house.worker("two")]
    for _ in range(2):
        send_mails.delay()
    wait_until(lambda: len(server.got) > 5)
    for each in workers:
        each.kill()
    house.worker("three")
    end_leases()
    send_mails.delay()
    wait_until(lambda: not Mail.objects.exclude(status="sent").exists())
    assert sorted(set(server.message_ids)) == written
    assert len(server.message_ids) <= len(written) + 1


def test_a_provider_that_can_tell_passes_each_mail_on_once_whatever_the_step_of_the_crash() -> None:
    with mail_provider() as provider, override_settings(**provider.settings("resend://key@")):
        written, steps = write(), 0
        for number in crashes(turn, stride=1):
            steps = number
            end_leases()
            turn()
            assert not Mail.objects.exclude(status="sent").exists(), f"after a crash at step {number}"
            written += write()
        assert steps > 10
        assert len(provider.mails) == len(written) == Mail.objects.count()
        assert len(provider.requests) > len(provider.mails)  # asked again, where the answer was lost


def test_killed_workers_and_lost_answers_send_no_mail_twice(house: House) -> None:
    with mail_provider() as provider:
        house.extra = {"EMAIL_URL": provider.url("resend://key@"), "MAIL_MAX_PER_SECOND": "500"}
        with override_settings(**provider.settings("resend://key@")):
            write(60)
        provider.answers += [*[None] * 10, "lose", None, (500, "oops"), None, "mumble"]
        workers = [house.worker("one"), house.worker("two")]
        for _ in range(2):
            send_mails.delay()
        wait_until(lambda: len(provider.mails) > 5)
        for each in workers:
            each.kill()
        cache.clear()  # of the provider that was away
        house.worker("three")

        until = time.monotonic() + 20
        while Mail.objects.exclude(status="sent").exists():
            assert time.monotonic() < until
            end_leases()
            cache.delete(delivery.AWAY)
            send_mails.delay()
            time.sleep(1)
        assert len(provider.mails) == 60


def test_a_provider_that_hangs_fails_and_slows_no_order(house: House) -> None:
    with mail_provider() as provider:
        provider.always = "hang"
        house.extra = {"EMAIL_URL": provider.url()}
        with override_settings(**provider.settings()):
            write(20)
        house.worker()
        for _ in range(20):
            send_mails.delay()
        wait_until(lambda: Mail.objects.filter(attempts=1).exists())
        # The other process of the worker does what there is to do, while this one waits for the provider.
        cache.delete(SWEPT)
        sweep.delay()
        wait_until(lambda: cache.get(SWEPT) is not None, seconds=5)
        began = time.monotonic()
        with override_settings(**provider.settings()), transaction.atomic():
            write()  # as an act does, in its own transaction
        assert time.monotonic() - began < SMTP_SECONDS / 2
        assert Mail.objects.filter(attempts__gt=0).count() == 1


@pytest.mark.full
def test_a_server_that_hangs_delays_nothing_else(house: House) -> None:
    with raw_server() as port:
        house.extra = {"EMAIL_URL": f"smtp://127.0.0.1:{port}"}
        with override_settings(EMAIL_BACKEND="customers.mail.backend.OutboxBackend"):
            write(20)
        house.worker()
        for _ in range(20):
            send_mails.delay()
        wait_until(lambda: Mail.objects.filter(attempts=1).exists())
        # The other process of the worker does what there is to do, while this one waits for the mail server.
        cache.delete(SWEPT)
        sweep.delay()
        wait_until(lambda: cache.get(SWEPT) is not None, seconds=5)
        assert not Mail.objects.exclude(error="").exists()
        wait_until(lambda: Mail.objects.exclude(error="").exists())
        assert Mail.objects.filter(attempts__gt=0).count() == 1
