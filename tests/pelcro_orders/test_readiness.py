import tomllib
from dataclasses import replace
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client

from backoffice import heartbeats
from backoffice.heartbeats import Kind
from backoffice.redis_client import redis_client
from billing import reachability
from devserver.fake_stripe_server import FakeStripeServer
from tests.support.heartbeats import BEAT, WORKER, all_alive, let_pass
from tests.support.source_tree import ROOT

pytestmark = pytest.mark.django_db
STRIPE_DOWN = {"match": "GET /v1/payment_intents", "fault": "drop_before"}


def asked(client: Client) -> tuple[int, dict[str, Any]]:
    answer = client.get("/readyz", headers={"host": "10.0.0.7:8000"})
    assert b"\n".join(answer.content.splitlines()) + b"\n" == answer.content
    return answer.status_code, answer.json()


def unwell(client: Client) -> dict[str, str]:
    """Give what `/readyz` says is to be done, by the lines that are not well."""
    status, lines = asked(client)
    ready = lines.pop("ready")
    found = {name: f"{line['is']} {line.get('do', '')}".strip() for name, line in lines.items() if not line["ok"]}
    assert (status, ready) == ((503, False) if found else (200, True))
    return found


def test_all_is_ready(client: Client, fake_stripe: FakeStripeServer, settings: Any) -> None:
    settings.SECURE_SSL_REDIRECT = True
    all_alive()

    answer = client.get("/readyz", headers={"host": "10.0.0.7:8000"})

    assert answer.status_code == 200
    assert list(answer.json()) == ["ready", "postgresql", "migrated", "redis", "worker", "beat", "sweep", "stripe"]
    assert len(answer.content.splitlines()) == 10
    assert answer.json()["worker"] == {"ok": True, "is": "was seen 0 s ago."}
    assert answer["Cache-Control"] == "no-store"


def test_it_says_that_nothing_was_ever_started(client: Client, fake_stripe: FakeStripeServer) -> None:
    assert unwell(client) == {
        "worker": "was not seen for a day. Start one: `celery -A pelcro_orders worker`.",
        "beat": "was not seen for a day. Start it: `celery -A pelcro_orders beat`.",
        "sweep": "was not seen for a day. It runs every 15 s where beat and a worker do: look at the worker's log for "
        "a step that fails.",
    }


def test_a_minute_without_a_heartbeat_is_too_long(client: Client, fake_stripe: FakeStripeServer) -> None:
    all_alive()
    let_pass(59)
    assert unwell(client) == {}
    let_pass(5)
    assert unwell(client)["worker"].startswith("was seen last 64 s ago. Start one")
    assert set(unwell(client)) == {"worker", "beat"}  # a sweep may wait for tasks
    let_pass(60)
    assert set(unwell(client)) == {"worker", "beat", "sweep"}
    heartbeats.beat(WORKER)
    assert set(unwell(client)) == {"beat", "sweep"}


def test_a_program_that_was_ended_is_not_missed_and_one_that_was_killed_is_replaced() -> None:
    heartbeats.beat(WORKER)
    heartbeats.forget(WORKER)
    assert heartbeats.heartbeats() == []

    heartbeats.beat(BEAT)
    let_pass(100)
    (killed,) = heartbeats.heartbeats()
    assert (killed.program, killed.is_alive, round(killed.age)) == (BEAT, False, 100)

    heartbeats.beat(replace(BEAT, pid=13))
    assert [each.program.pid for each in heartbeats.heartbeats()] == [13]
    heartbeats.beat(replace(BEAT, pid=14))
    assert len(heartbeats.heartbeats()) == 2  # both alive: beat runs twice

    let_pass(heartbeats.REMEMBERED)
    heartbeats.beat(WORKER)
    assert [each.program.kind for each in heartbeats.heartbeats()] == [Kind.WORKER]


def test_without_redis_it_says_so_and_no_more(client: Client, settings: Any, caplog: pytest.LogCaptureFixture) -> None:
    settings.REDIS_URL = "unix:///nowhere/redis.sock"
    redis_client.cache_clear()
    try:
        heartbeats.beat(WORKER)
        heartbeats.forget(BEAT)
        found = unwell(client)
    finally:
        redis_client.cache_clear()
    assert found["redis"].startswith("does not answer. Start it, or look at REDIS_URL")
    assert {found[name] for name in ("worker", "beat", "sweep", "stripe")} == {
        "is not known while Redis does not answer."
    }
    assert [record.getMessage() for record in caplog.records if record.name == "backoffice.heartbeats"] == [
        "Redis is gone: nobody sees that this worker is alive.",
        "Redis is gone: this beat seems to have been killed.",
    ]


def test_stripe_is_asked_once_a_minute_and_sooner_while_it_is_away(
    client: Client, fake_stripe: FakeStripeServer
) -> None:
    all_alive()
    fake_stripe.faults(STRIPE_DOWN)
    before = fake_stripe.fault_counts().get("drop_before", 0)

    first, second = unwell(client), unwell(client)

    assert fake_stripe.fault_counts()["drop_before"] == before + 1
    assert first == second
    assert first["stripe"].startswith("does not answer: ")
    assert "what waits is sent once it answers" in first["stripe"]
    assert 0 < redis_client().pttl(f":1:{reachability.ASKED}") <= 15_000

    fake_stripe.clear()
    assert "stripe" in unwell(client)
    redis_client().delete(f":1:{reachability.ASKED}")  # as if that time were over
    assert unwell(client) == {}
    assert redis_client().pttl(f":1:{reachability.ASKED}") > 50_000


def test_asking_stripe_takes_nothing_of_the_rate(fake_stripe: FakeStripeServer, settings: Any) -> None:
    settings.STRIPE_MAX_REQUESTS_PER_SECOND = 1
    redis_client().delete("stripe:calls")
    assert reachability.reachability() == reachability.Reachability(answers=True, found="answers")
    assert not redis_client().exists("stripe:calls")


@pytest.mark.parametrize(
    ("rule", "answers", "words"),
    [
        ({"fault": "status", "status": 401}, False, "refuses us: "),
        ({"fault": "status", "status": 429}, True, "answers, and asks to go slower: "),
        ({"fault": "status", "status": 500}, False, "does not answer: "),
    ],
)
def test_what_stripe_answers(fake_stripe: FakeStripeServer, rule: dict[str, Any], answers: bool, words: str) -> None:  # noqa: FBT001
    fake_stripe.faults({"match": "GET /v1/payment_intents", **rule})

    found = reachability.reachability()

    assert found is not None
    assert (found.answers, bool(found.advice)) == (answers, not answers)
    assert found.found.startswith(words)


def test_a_missing_key_is_said(client: Client, settings: Any) -> None:
    settings.STRIPE_SECRET_KEY = ""
    all_alive()
    assert "STRIPE_SECRET_KEY is missing" in unwell(client)["stripe"]


def test_while_another_process_asks_for_the_first_time_nothing_is_known(client: Client) -> None:
    redis_client().set(f":1:{reachability.ASKED}", 1)
    all_alive()
    assert unwell(client) == {"stripe": "is being asked. Ask again in a few seconds."}


@pytest.mark.django_db(transaction=True)
def test_a_migration_that_is_missing_is_named_and_one_of_a_newer_release_is_none(
    client: Client, fake_stripe: FakeStripeServer
) -> None:
    all_alive()
    migrations = MigrationRecorder.Migration.objects
    last = migrations.filter(app="backoffice").latest("pk")
    newer = migrations.create(app="ecommerce", name="9999_of_tomorrow")
    try:
        assert asked(client)[1]["migrated"] == {
            "ok": True,
            "is": "yes, by a newer release, to ecommerce.9999_of_tomorrow.",
        }
        last.delete()
        assert unwell(client) == {
            "migrated": f"no: 1 migrations are missing, the first is backoffice.{last.name}. "
            "Run `python manage.py migrate`."
        }
    finally:
        newer.delete()
        migrations.create(app="backoffice", name=last.name)


def test_the_release_is_that_of_the_project() -> None:
    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"] == django_settings.RELEASE
