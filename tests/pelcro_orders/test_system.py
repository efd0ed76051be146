import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.db.models.functions import Now
from django.test import Client

from backoffice import heartbeats
from backoffice.durations import in_words
from backoffice.models import RetentionRun
from backoffice.redis_client import redis_client
from billing.models import Payment, Reconciliation
from devserver.fake_stripe_server import FakeStripeServer
from ecommerce.models import WebhookEndpoint
from ecommerce.retention.table import RULES
from pelcro_orders.monitoring import clocks
from pelcro_orders.monitoring.problems import problems
from pelcro_orders.monitoring.system import find
from tests.support.factories import make_sku, place_order
from tests.support.forms import sentences
from tests.support.heartbeats import BEAT, WORKER, all_alive, let_pass

pytestmark = pytest.mark.django_db
AsRole = Callable[[str], Client]


def said() -> list[str]:
    return [f"{problem.sentence} {problem.advice}" for problem in problems(find())]


def test_it_is_for_superusers_alone(as_role: AsRole) -> None:
    assert as_role("admin").get("/admin/system/").status_code == 200
    assert as_role("Manager").get("/admin/system/").status_code == 403
    assert Client().get("/admin/system/").status_code == 302


def test_nothing_is_wrong(as_role: AsRole, fake_stripe: FakeStripeServer) -> None:
    all_alive()
    page = sentences(as_role("admin").get("/admin/system/"))
    assert "Nothing: all that orders need is there, and nothing waits for long." in page
    assert "worker@one" in page
    assert "celery, clock, events, mail" in page
    assert "The sweep, which finds all that is due, went through 0 s ago." in page
    assert said() == []


def test_dead_programs_are_named_with_what_to_do(as_role: AsRole, fake_stripe: FakeStripeServer) -> None:
    all_alive()
    let_pass(600)
    found = said()
    assert found[0].startswith("A worker was seen last 600 s ago. Start one: `celery -A pelcro_orders worker`.")
    assert found[1].startswith("Beat was seen last 600 s ago. Start it")
    assert found[2].startswith("The sweep was seen last 600 s ago.")
    assert "worker@one was seen last 10 min ago, and was not ended. If it is to run" in " ".join(found)
    page = sentences(as_role("admin").get("/admin/system/"))
    assert "Missing" in page
    heartbeats.beat(WORKER)
    heartbeats.beat(heartbeats.SWEEP)
    heartbeats.beat(replace(BEAT, pid=1))
    heartbeats.beat(replace(BEAT, pid=2))
    assert said() == ["Beat runs more than once. It does no harm; end all but one."]


def test_a_clock_that_is_off_is_named(fake_stripe: FakeStripeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    all_alive()
    assert said() == []
    for shift, words in (
        (600, "The clock of worker@one is 10 min ahead of Redis's."),
        (-600, "10 min behind Redis's."),
    ):
        with monkeypatch.context() as patch:
            off = time.time() + shift
            patch.setattr(time, "time", lambda off=off: off)
            heartbeats.beat(WORKER)
        (sentence,) = said()
        assert words in sentence
        assert "Have NTP set the clocks" in sentence
    heartbeats.forget(WORKER)
    assert [name for name, _ahead in clocks.clocks()] == ["PostgreSQL", "web", BEAT.name]


def test_what_is_stuck_and_late_is_named(as_role: AsRole, fake_stripe: FakeStripeServer) -> None:
    all_alive()
    make_sku()
    fake_stripe.faults({"match": "POST /v1/payment_intents", "fault": "drop_before"})
    place_order()
    Payment.objects.update(requested_at=Now() - timedelta(minutes=20), next_attempt_at=Now() - timedelta(minutes=19))
    WebhookEndpoint.objects.create(url="https://example.com/", failing_since=Now() - timedelta(hours=3))
    Reconciliation.objects.create(finished_at=Now() - timedelta(days=3), next_attempt_at=None)
    redis_client().lpush("mail", "message")
    find()
    redis_client().hincrbyfloat("queue-heads", "mail:since", -500)

    found = " ".join(said())

    assert "A charge was asked for 20 min ago, and Stripe has not told its end." in found
    assert "Payments: due for 19 min." in found
    assert "Nothing has reached the webhook endpoint https://example.com/ for 3 h." in found
    assert "Our books were last compared with Stripe's 3 days ago." in found
    assert "Nobody has taken a message from the queue mail for 8 min." in found
    browser = as_role("admin")
    for problem in problems(find()):
        if problem.link:
            assert browser.get(problem.link).status_code == 200, problem.link
    page = browser.get(next(each.link for each in problems(find()) if "charge" in each.sentence))
    assert "1 row" in sentences(page)


def test_what_was_removed_is_shown_and_what_could_not_be_is_named(
    as_role: AsRole, fake_stripe: FakeStripeServer
) -> None:
    all_alive()
    RetentionRun.objects.create(kind="mails", removed=1234, finished_at=Now())
    RetentionRun.objects.create(kind="exports", error="OSError", finished_at=Now())
    RetentionRun.objects.create(kind="sessions", finished_at=Now())
    page = sentences(as_role("admin").get("/admin/system/"))
    assert "Mails, as they went out 1,234" in page
    assert "Sessions that have ended" not in page
    assert said()[0].startswith("What is old could not be removed: exports. The log of the worker says why;")


def test_retention_that_does_not_run_is_named(fake_stripe: FakeStripeServer) -> None:
    all_alive()
    RetentionRun.objects.create(kind="gone_with_an_old_release", started_at=Now() - timedelta(days=90), error="x")
    assert said() == []
    kind = next(rule.kind for rule in RULES if rule.age)
    RetentionRun.objects.create(kind=kind, started_at=Now() - timedelta(days=5), finished_at=Now() - timedelta(days=4))
    assert [each.partition(".")[0] for each in said()] == ["Nothing old was removed for 4 days"]


def test_it_opens_without_redis(as_role: AsRole, settings: Any) -> None:
    browser = as_role("admin")
    there, settings.REDIS_URL = settings.REDIS_URL, "unix:///nowhere/redis.sock"
    redis_client.cache_clear()
    page = sentences(browser.get("/admin/system/"))
    settings.REDIS_URL = there
    redis_client.cache_clear()
    assert "Redis does not answer. Start it" in page
    assert "Not known while Redis does not answer." in page
    assert "A worker was" not in page


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.4, "0 s"), (119, "119 s"), (120, "2 min"), (7199, "119 min"), (7200, "2 h"), (172_800, "2 days")],
)
def test_durations(seconds: float, words: str) -> None:
    assert in_words(seconds) == words
