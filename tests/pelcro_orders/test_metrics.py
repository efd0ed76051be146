import json
import re
from collections.abc import Iterator
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import promql_parser
import pytest
import yaml
from django.db import connection
from django.db.models import F
from django.db.models.functions import Now
from django.test import Client
from django.test.utils import CaptureQueriesContext
from prometheus_client.parser import text_string_to_metric_families
from psycopg_pool import ConnectionPool, PoolTimeout

from backoffice import counters
from backoffice.list_tabs import BOUND
from backoffice.redis_client import redis_client
from billing import rate_limit
from billing.models import Payment, WebhookEvent
from customers.models import Mail
from devserver.fake_stripe_server import FakeStripeServer
from pelcro_orders.monitoring import clocks, collector, problems, waiting
from pelcro_orders.monitoring.pool import count_pool
from pelcro_orders.service_urls import libpq_parameters
from tests.support.factories import make_sku, place_order
from tests.support.heartbeats import all_alive, let_pass
from tests.support.rows import an_event
from tests.support.source_tree import ROOT

pytestmark = pytest.mark.django_db
Found = dict[str, dict[tuple[tuple[str, str], ...], float]]
ALERTS = ROOT / "deploy" / "prometheus" / "alerts.yml"
DASHBOARD = ROOT / "deploy" / "grafana" / "dashboard.json"


@pytest.fixture(autouse=True)
def _asked() -> Iterator[None]:
    """Have Stripe be asked by nobody in the background, and count from zero."""
    counters._counted.clear()
    redis_client().set(":1:stripe-asked", 1)
    yield
    counters._counted.clear()


def scraped(client: Client) -> Found:
    answer = client.get("/metrics", headers={"host": "10.0.0.7:8000"})
    assert answer.status_code == 200
    found: Found = {}
    for family in text_string_to_metric_families(answer.content.decode()):
        found[family.name] = {}
        for sample in family.samples:
            found.setdefault(sample.name, {})[tuple(sorted(sample.labels.items()))] = sample.value
    assert found["pelcro_scrape_failed"] == {(): 0}
    return found


def of(found: Found, name: str, **labels: str) -> float:
    return found[f"pelcro_{name}"][tuple(sorted(labels.items()))]


def test_a_quiet_shop(client: Client) -> None:
    all_alive()
    found = scraped(client)
    assert found["pelcro_ready"] == {
        (("check", name),): 1 for name in ("postgresql", "migrated", "redis", "worker", "beat", "sweep")
    }
    assert (of(found, "workers"), of(found, "worker_processes"), of(found, "beats")) == (1, 2, 1)
    assert of(found, "programs_missing") == 0
    assert set(found["pelcro_due"].values()) == {0}
    assert found["pelcro_unsettled_oldest_seconds"] == {}
    assert of(found, "restore_blocked") == 0
    assert of(found, "database_connections_limit") > of(found, "database_connections", state="active") > 0
    (labels,) = found["pelcro_info"]
    assert {"release", "python", "django", "postgresql", "valkey"} == {name for name, _version in labels}


def test_dead_programs_are_seen(client: Client) -> None:
    all_alive()
    let_pass(130)
    found = scraped(client)
    assert [of(found, "ready", check=name) for name in ("worker", "beat", "sweep", "redis")] == [0, 0, 0, 1]
    assert (of(found, "workers"), of(found, "beats"), of(found, "programs_missing")) == (0, 0, 2)
    assert of(found, "last_seen_seconds", program="worker") == pytest.approx(130, abs=5)


def test_two_payments_that_are_stuck_are_the_oldest_unsettled_charge(
    client: Client, fake_stripe: FakeStripeServer
) -> None:
    make_sku()
    fake_stripe.faults({"match": "POST /v1/payment_intents", "fault": "drop_before"})
    for _ in range(2):
        place_order()
    Payment.objects.update(requested_at=Now() - timedelta(minutes=20), next_attempt_at=Now() - timedelta(minutes=19))
    found = scraped(client)
    assert of(found, "unsettled_oldest_seconds", kind="charge", status="processing") == pytest.approx(1200, abs=5)
    assert of(found, "due", kind="payment") == 2
    assert of(found, "due_oldest_seconds", kind="payment") == pytest.approx(1140, abs=5)


def test_what_waits_is_counted_up_to_a_bound(client: Client) -> None:
    event = an_event()
    WebhookEvent.objects.filter(pk=event.pk).update(
        received_at=Now() - timedelta(minutes=9), next_attempt_at=Now() - timedelta(minutes=4), processed_at=None
    )
    Mail.objects.bulk_create(
        Mail(
            recipient="a@example.com",
            recipient_key="a@example.com",
            kind="message",
            language="en",
            message_id=f"<{n}@x>",
        )
        for n in range(3)
    )
    Mail.objects.update(queued_at=F("queued_at") - timedelta(hours=1))
    found = scraped(client)
    assert of(found, "event_lag_seconds") == pytest.approx(540, abs=5)
    assert (of(found, "mails_waiting"), of(found, "due", kind="mail")) == (3, 3)
    assert of(found, "mails_oldest_seconds") == pytest.approx(3600, abs=5)
    with CaptureQueriesContext(connection) as queries:
        waiting.waiting()
    assert queries[0]["sql"].count(f"LIMIT {BOUND + 1}") == len(waiting.QUEUES)


def test_queues_tell_for_how_long_nobody_took_the_next_message(client: Client) -> None:
    redis_client().lpush("events", "first", "second")
    found = scraped(client)
    assert (of(found, "queue_messages", queue="events"), of(found, "queue_head_seconds", queue="events")) == (2, 0)
    redis_client().hincrbyfloat("queue-heads", "events:since", -90)
    assert of(scraped(client), "queue_head_seconds", queue="events") == pytest.approx(90, abs=5)
    assert redis_client().rpop("events") == b"first"
    found = scraped(client)
    assert (of(found, "queue_messages", queue="events"), of(found, "queue_head_seconds", queue="events")) == (1, 0)
    assert of(found, "queue_messages", queue="mail") == 0


def test_requests_are_counted_by_view_and_status(client: Client, settings: Any) -> None:
    client.get("/api/v1/sdk/ecommerce/products")
    client.get("/api/v1/sdk/ecommerce/products")
    client.get("/nothing/here/")
    client.generic("BREW", "/nothing/else/")
    client.get(f"/{settings.STATIC_URL.strip('/')}/none.css")
    counters.flush()
    found = scraped(client)
    requests = found["pelcro_requests_total"]
    by_view = {dict(labels)["view"]: number for labels, number in requests.items()}
    (products,) = [view for view in by_view if "products" in view]
    assert by_view == {products: 2, "none": 1, "static": 1}
    assert {dict(labels)["method"] for labels in requests} == {"GET", "other"}
    assert of(found, "request_seconds_count", view=products) == 2
    assert of(found, "request_seconds_bucket", view=products, le="+Inf") == 2
    assert 0 < of(found, "request_seconds_sum", view=products) < 10


def test_what_several_processes_count_is_added_up_and_outlives_a_redis_that_is_away(
    client: Client, settings: Any
) -> None:
    rate_limit.slow_down()
    counters.flush()
    there, settings.REDIS_URL = settings.REDIS_URL, "unix:///nowhere/redis.sock"
    redis_client.cache_clear()
    rate_limit.slow_down()
    counters.flush()
    settings.REDIS_URL = there
    redis_client.cache_clear()
    assert of(scraped(client), "stripe_429_total") == 1
    counters.flush()
    assert of(scraped(client), "stripe_429_total") == 2


def test_waiting_for_a_pool_of_connections_is_counted(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    parameters = libpq_parameters(connection.settings_dict)
    with ConnectionPool(kwargs=parameters, min_size=1, max_size=1, timeout=0.1) as pool:
        monkeypatch.setattr("pelcro_orders.monitoring.pool.connection", SimpleNamespace(pool=pool))
        pool.wait()
        with pool.connection(), pytest.raises(PoolTimeout):
            pool.getconn()
        count_pool()
        count_pool()
    counters.flush()
    found = scraped(client)
    assert [of(found, f"pool_{name}_total") for name in ("requests", "waits", "errors")] == [2, 1, 1]
    assert of(found, "pool_wait_seconds_total") >= 0


def test_without_redis_the_rest_is_told(client: Client, settings: Any) -> None:
    there, settings.REDIS_URL = settings.REDIS_URL, "unix:///nowhere/redis.sock"
    redis_client.cache_clear()
    answer = client.get("/metrics").content.decode()
    settings.REDIS_URL = there
    redis_client.cache_clear()
    assert 'pelcro_ready{check="redis"} 0.0' in answer
    assert "pelcro_workers" not in answer
    assert 'pelcro_due{kind="payment"} 0.0' in answer
    assert "pelcro_scrape_failed 4.0" in answer


def test_a_statement_that_takes_too_long_costs_its_group_alone(
    client: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(collector, "STATEMENT_MS", 20)
    monkeypatch.setattr("pelcro_orders.monitoring.database.JOBS", "SELECT 'queued', 1 FROM pg_sleep(1)")
    answer = client.get("/metrics").content.decode()
    assert "pelcro_scrape_failed 1.0" in answer
    assert "pelcro_jobs" not in answer
    assert "pelcro_mails_waiting" in answer
    assert "Metrics can't be read: _jobs." in caplog.text


@pytest.mark.parametrize(
    ("token", "secure", "headers", "address", "status"),
    [
        ("", False, {}, "127.0.0.1", 200),
        ("", False, {}, "::1", 200),
        ("", False, {}, "10.1.2.3", 401),
        ("", False, {"x-forwarded-for": "9.9.9.9"}, "127.0.0.1", 401),
        ("", True, {}, "127.0.0.1", 401),
        ("a-token", False, {}, "127.0.0.1", 401),
        ("a-token", False, {"authorization": "Bearer another"}, "127.0.0.1", 401),
        ("a-token", False, {"authorization": "Bearer ä"}, "127.0.0.1", 401),
        ("a-token", True, {"authorization": "Bearer a-token"}, "10.1.2.3", 200),
    ],
)
def test_who_may_read(
    client: Client,
    settings: Any,
    token: str,
    secure: bool,  # noqa: FBT001
    headers: dict[str, str],
    address: str,
    status: int,
) -> None:
    settings.METRICS_TOKEN, settings.SECURE = token, secure
    answer = client.get("/metrics", headers=headers, REMOTE_ADDR=address)
    assert answer.status_code == status
    assert (b"METRICS_TOKEN" in answer.content) == (status == 401)


def expressions() -> list[str]:
    rules = [rule for group in yaml.safe_load(ALERTS.read_text())["groups"] for rule in group["rules"]]
    panels = json.loads(DASHBOARD.read_text())["panels"]
    targets = [target["expr"] for panel in panels for target in panel.get("targets", ())]
    return [*(rule["expr"] for rule in rules), *targets]


def test_alerts_and_dashboard_ask_for_metrics_that_exist_by_labels_that_they_have(client: Client) -> None:
    found = scraped(client)
    series = {*found} | {f"pelcro_request_seconds_{end}" for end in ("bucket", "sum", "count")}
    series |= {"pelcro_requests_total", "pelcro_job_orders_total"}
    used = set()
    for expression in expressions():
        promql_parser.parse(expression)
        used |= set(re.findall(r"pelcro_\w+", expression))
    assert used <= series
    families = {name for name in found if name.startswith("pelcro_")} - {"pelcro", "pelcro_requests_created"}
    shown = {re.sub(r"_(total|bucket|sum|count)$", "", name) for name in used}
    missing = {name for name in families if re.sub(r"_(total|bucket|sum|count)$", "", name) not in shown}
    assert missing == set(), "neither an alert nor a panel"


def test_each_alert_says_what_to_do_and_where_more_is_said() -> None:
    headings = {
        re.sub(r"[^\w -]", "", line.lstrip("# ")).lower().replace(" ", "-")
        for line in (ROOT / "docs" / "operating.md").read_text().splitlines()
        if line.startswith("#")
    }
    names = []
    for group in yaml.safe_load(ALERTS.read_text())["groups"]:
        for rule in group["rules"]:
            names.append(rule["alert"])
            assert {"summary", "description", "runbook"} == set(rule["annotations"])
            assert rule["labels"]["severity"] in {"critical", "warning", "info"}
            page, _, anchor = rule["annotations"]["runbook"].partition("#")
            assert page == "docs/operating.md"
            assert anchor in headings
            assert rule.get("for", "0m")[-1] in "mhd"
    assert len(names) == len(set(names))


def test_the_alerts_have_the_limits_of_the_page() -> None:
    by_name = {
        rule["alert"]: rule["expr"] for group in yaml.safe_load(ALERTS.read_text())["groups"] for rule in group["rules"]
    }
    limits = {
        "PelcroClockOff": clocks.LIMIT,
        "PelcroChargeStuck": problems.CHARGE_SECONDS,
        "PelcroRefundStuck": problems.REFUND_SECONDS,
        "PelcroQueueStuck": problems.HEAD_SECONDS,
        "PelcroDueNotTaken": problems.DUE_SECONDS,
        "PelcroDueLate": problems.PATIENT["document"],
        "PelcroEventsLate": problems.EVENT_SECONDS,
        "PelcroMailsLate": problems.MAIL_SECONDS,
        "PelcroWebhookEndpointFailing": problems.ENDPOINT_SECONDS,
        "PelcroNotReconciled": problems.RECONCILE_SECONDS,
        "PelcroConnectionsUsedUp": problems.CONNECTION_SHARE,
        "PelcroOldTransaction": problems.TRANSACTION_SECONDS,
        "PelcroRetentionLate": problems.RETENTION_SECONDS,
    }
    for name, limit in limits.items():
        assert by_name[name].endswith(f" > {limit}"), name
