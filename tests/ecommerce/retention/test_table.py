"""Every model is kept for a reason or removed by a rule; what the table says is what happens and what is documented."""

import re
from typing import Any

import pytest
from django.apps import apps
from django.conf import settings as django_settings
from django.core.management import call_command
from django.db import connection
from django.test import Client

from backoffice.models import Activity, RetentionRun
from billing.models import WebhookEvent
from ecommerce.retention.table import KEPT, REMOVED, RULES
from ecommerce.retention.tasks import remove_old, remove_old_mail_texts, remove_old_payloads, remove_old_webhooks
from pelcro_orders.celery import app
from tests.support.factories import make_user
from tests.support.retention import age, removed
from tests.support.source_tree import ROOT

pytestmark = pytest.mark.django_db
MODELS = {each._meta.label_lower for each in apps.get_models(include_auto_created=True) if not each._meta.proxy}


def test_every_model_is_kept_for_a_reason_or_removed_by_a_rule() -> None:
    assert sorted([*KEPT, *REMOVED]) == sorted(MODELS)
    assert all(KEPT.values())


def test_every_rule_has_a_name_and_a_setting_of_its_own_and_its_models_are_in_no_other() -> None:
    kinds = [rule.kind for rule in RULES]
    assert len(set(kinds)) == len(kinds)
    assert len(REMOVED) == sum(len(rule.models) for rule in RULES)
    assert all(isinstance(getattr(django_settings, rule.setting), int) for rule in RULES)


def test_every_setting_stands_in_the_table_of_the_manual() -> None:
    manual = (ROOT / "docs" / "operating.md").read_text().partition("## What is removed")[2].partition("\n## ")[0]
    documented = set(re.findall(r"`([A-Z_]+)`", manual))
    assert documented >= {rule.setting for rule in RULES}


def test_beat_removes_each_night_and_names_of_earlier_releases_are_still_known() -> None:
    beat = {entry["task"] for entry in app.conf.beat_schedule.values()}
    assert {"ecommerce.remove_old", "ecommerce.remove_old_exports"} <= beat
    earlier = {"billing.remove_old_payloads", "customers.remove_old_mail_texts", "ecommerce.remove_old_webhooks"}
    assert {*beat, *earlier} <= set(app.tasks)


def test_what_a_rule_counts_is_what_it_removes(settings: Any) -> None:
    for rule in RULES:
        if rule.setting.endswith("_DAYS") and rule.setting != "SESSION_DAYS":
            setattr(settings, rule.setting, 1)
        assert (rule.expected(), removed(rule.kind)) == (0, 0)


def an_old_event() -> WebhookEvent:
    event = WebhookEvent.objects.create(stripe_event_id="evt_1", type="x", payload={"id": "evt_1"})
    WebhookEvent.objects.update(next_attempt_at=None, processed_at=event.received_at)
    age(event, 100, "received_at", "processed_at")
    return event


def test_the_command_counts_and_removes_only_when_told(capsys: pytest.CaptureFixture[str]) -> None:
    an_old_event()
    for words in ([], ["--dry-run"]):
        call_command("remove_old", *words)
        said = capsys.readouterr().out
        assert re.search(
            r"^ +1  webhook_events +processed events of Stripe's \(WEBHOOK_EVENT_DAYS=90\)$", said, re.MULTILINE
        )
        assert re.search(r"^ +0  idempotency_keys .*\(IDEMPOTENCY_KEY_DAYS=0: kept\)$", said, re.MULTILINE)
        assert "Nothing was removed." in said
    assert WebhookEvent.objects.exists()
    call_command("remove_old", "--now", "--kind", "webhook_payloads")
    assert WebhookEvent.objects.get().payload == {}
    call_command("remove_old", "--now")
    assert re.search(r"^ +1  webhook_events .* in \d+\.\d s$", capsys.readouterr().out, re.MULTILINE)
    assert not WebhookEvent.objects.exists()


def test_a_turn_that_leaves_something_is_followed_by_another(monkeypatch: pytest.MonkeyPatch) -> None:
    an_old_event()
    followed: list[dict[str, Any]] = []
    monkeypatch.setattr("ecommerce.retention.tasks.TURN_SECONDS", -1)
    monkeypatch.setattr("ecommerce.retention.tasks.enqueue_on_commit", lambda _task, **how: followed.append(how))
    remove_old(kinds=["webhook_events", "of_another_release"])
    assert followed == [{"kinds": ["webhook_events"]}]


def test_what_an_earlier_beat_calls_removes_what_it_did() -> None:
    an_old_event()
    for task in (remove_old_payloads, remove_old_mail_texts, remove_old_webhooks):
        task()
    assert WebhookEvent.objects.get().payload == {}
    assert set(RetentionRun.objects.values_list("kind", flat=True)) == {
        *("webhook_payloads", "card_attempts", "account_mail_texts", "webhook_deliveries"),
    }


def test_the_settings_page_says_what_is_removed_and_what_the_last_run_did(client: Client) -> None:
    client.force_login(make_user("root", is_superuser=True))
    RetentionRun.objects.create(kind="mails", removed=1234)
    RetentionRun.objects.create(kind="exports", error="OSError")
    page = client.get("/admin/settings/").content.decode()
    row = r"Mails, as they went out</td>\s*<td[^>]*><span>after 730 days <small>\(MAIL_DAYS\)</small></span></td>"
    row += r"\s*<td[^>]*><span>1,234 "
    assert re.search(row, page)
    assert "failed (OSError)" in page


def test_activity_is_removed_but_what_the_law_asks_for() -> None:
    for kind in (Activity.Kind.SIGN_IN, Activity.Kind.TAX, Activity.Kind.PRICE, Activity.Kind.STOCK):
        Activity.objects.create(by_kind="staff", by_label="Ana", act="changed", kind=kind)
    Activity.objects.bulk_create([Activity(by_kind="staff", by_label="Ana", act="signed_in", kind="sign_in")])
    # Not `age`: a trigger keeps history.

    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE backoffice_activity DISABLE TRIGGER keep_history")
        last = "(SELECT max(id) FROM backoffice_activity)"
        cursor.execute(f"UPDATE backoffice_activity SET at = now() - interval '1100 days' WHERE id < {last}")
        cursor.execute("ALTER TABLE backoffice_activity ENABLE TRIGGER keep_history")
    assert removed("activity") == 2
    assert sorted(Activity.objects.values_list("kind", flat=True)) == ["price", "sign_in", "tax"]
    with pytest.raises(Exception, match="is history and is not changed"):
        Activity.objects.all().delete()
