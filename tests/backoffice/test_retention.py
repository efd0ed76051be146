"""How rows are removed: slice by slice, what nobody holds, found without reading the rest."""

import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from backoffice import retention
from backoffice.models import RetentionRun
from backoffice.retention import Rule, last_older, of_rows, older, remove_old, slices
from billing.models import WebhookEvent
from tests.support.retention import age

pytestmark = pytest.mark.django_db
MONTH = timedelta(days=30)
FOREVER = float("inf")


def events(count: int, *, old: int = 0) -> None:
    rows = [WebhookEvent(stripe_event_id=f"evt_{number}", type="x", payload={}) for number in range(count)]
    WebhookEvent.objects.bulk_create(rows)
    keys = WebhookEvent.objects.order_by("pk").values_list("pk", flat=True)[:old]
    age(WebhookEvent.objects.filter(pk__in=list(keys)), 31, "received_at")


def a_rule(**changes: Any) -> Rule:
    asked: dict[str, Any] = {"kind": "things", "what": "things", "setting": "MAIL_DAYS", "models": ()}
    return Rule(**asked, **{**of_rows(lambda old: older(WebhookEvent, "received_at", old)), **changes})


def run() -> RetentionRun:
    return RetentionRun.objects.get(kind="things")


@pytest.mark.parametrize("old", [0, 1, 6, 7])
def test_the_end_of_what_is_old_is_found_by_few_look_ups(old: int) -> None:
    events(7, old=old)
    WebhookEvent.objects.filter(stripe_event_id="evt_3").delete()  # a gap
    keys = list(older(WebhookEvent, "received_at", MONTH).values_list("stripe_event_id", flat=True))
    assert sorted(keys) == [f"evt_{number}" for number in range(old) if number != 3]


def test_nothing_is_old_where_there_is_nothing() -> None:
    assert last_older(WebhookEvent, "received_at", MONTH) == 0


def test_looking_for_the_end_reads_one_row_a_look_up() -> None:
    events(500, old=123)
    with CaptureQueriesContext(connection) as queries:
        last_older(WebhookEvent, "received_at", MONTH)
    assert len(queries) <= 12
    assert all("LIMIT 1" in query["sql"] for query in queries)


def test_each_slice_is_a_transaction_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "SLICE", 2)
    events(5)
    assert list(slices(WebhookEvent.objects.all())) == [2, 2, 1]
    assert not WebhookEvent.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_row_that_somebody_holds_is_left() -> None:
    events(3)
    held = WebhookEvent.objects.get(stripe_event_id="evt_1")
    other = connection.copy()
    with transaction.atomic(), other.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute("SELECT FROM billing_webhookevent WHERE id = %s FOR UPDATE", [held.pk])
        began = time.monotonic()
        assert sum(slices(WebhookEvent.objects.all())) == 2
        assert time.monotonic() - began < 5
        cursor.execute("ROLLBACK")
    other.close()
    assert WebhookEvent.objects.get() == held


def test_a_run_is_noted_with_what_it_removed(settings: Any) -> None:
    settings.MAIL_DAYS = 30
    events(3, old=2)
    assert a_rule().expected() == 2
    assert remove_old([a_rule()], until=FOREVER) == []
    assert (run().removed, run().error, run().finished_at is not None) == (2, "", True)
    remove_old([a_rule()], until=FOREVER)
    assert run().removed == 0


def test_a_turn_ends_in_time_and_the_next_one_goes_on(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.MAIL_DAYS = 30
    monkeypatch.setattr(retention, "SLICE", 2)
    events(5, old=5)
    rule, turn = a_rule(), iter([0.0, 0.0, 9.0, 9.0])
    monkeypatch.setattr(time, "monotonic", lambda: next(turn, 9.0))
    assert remove_old([rule], until=5.0) == ["things"]
    assert (run().removed, run().finished_at) == (2, None)
    assert remove_old([rule], until=100.0) == []
    assert (run().removed, WebhookEvent.objects.count()) == (5, 0)


def test_a_turn_that_is_over_begins_nothing() -> None:
    assert remove_old([a_rule()], until=time.monotonic() - 1) == ["things"]
    assert not RetentionRun.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_an_error_is_noted_without_its_words_and_keeps_no_other_rule(settings: Any) -> None:
    settings.MAIL_DAYS = 30

    def fail(_age: timedelta) -> Iterator[int]:
        raise ValueError("ada@example.com")

    events(1, old=1)
    assert remove_old([a_rule(steps=fail), Rule(**{**as_dict(a_rule()), "kind": "others"})], until=FOREVER) == []
    assert (run().error, run().finished_at is not None) == ("ValueError", True)
    assert RetentionRun.objects.get(kind="others").removed == 1


def test_zero_keeps_it(settings: Any) -> None:
    settings.MAIL_DAYS = 0
    events(2, old=2)
    RetentionRun.objects.create(kind="things", removed=7)
    assert (a_rule().expected(), a_rule().period) == (0, "never")
    assert remove_old([a_rule()], until=FOREVER) == []
    assert (WebhookEvent.objects.count(), RetentionRun.objects.count()) == (2, 0)


def as_dict(rule: Rule) -> dict[str, Any]:
    return {name: getattr(rule, name) for name in Rule.__dataclass_fields__}
