"""What PostgreSQL's rows say of how the shop fares. Each statement reads a bounded part of an index, or few rows."""

from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.models import Count, Min, Q
from django.db.models.functions import Coalesce, Now

from backoffice.list_tabs import BOUND, bounded_counts
from backoffice.models import RetentionRun
from billing.models import Difference, Document, WebhookEvent
from customers.mail.attention import NEEDS_ATTENTION
from customers.models import Mail
from ecommerce.models import Order
from ecommerce.retention.table import RULES
from ecommerce.webhooks.health import troubled

# By the first row of each status: an index has them by id, and ids rise with time.
UNSETTLED = """
SELECT 'charge', wanted.status, age.seconds
FROM unnest('{requested,processing,requires_action}'::text[]) wanted(status),
LATERAL (SELECT EXTRACT(EPOCH FROM statement_timestamp() - requested_at)::float8 AS seconds
         FROM billing_payment p WHERE p.status = wanted.status AND p.status <> 'succeeded' ORDER BY id LIMIT 1) age
UNION ALL
SELECT 'refund', wanted.status, age.seconds
FROM unnest('{requested,pending}'::text[]) wanted(status),
LATERAL (SELECT EXTRACT(EPOCH FROM statement_timestamp() - requested_at)::float8 AS seconds
         FROM billing_refund r WHERE r.status = wanted.status AND r.status <> 'succeeded' ORDER BY id LIMIT 1) age
"""
JOBS = "SELECT status, COUNT(*) FROM ecommerce_bulkjob GROUP BY status"
# Of jobs that ended a moment ago as well, so that the last seconds of each are counted.
JOB_ORDERS = """
SELECT j.id, j.action, COALESCE(NULLIF(SUM(s.done + s.skipped + s.failed), 0), MAX(j.file_rows))
FROM (SELECT * FROM ecommerce_bulkjob ORDER BY id DESC LIMIT 200) j
LEFT JOIN ecommerce_bulkjobslice s ON s.job_id = j.id
WHERE j.started_at IS NOT NULL AND (j.finished_at IS NULL OR j.finished_at > statement_timestamp() - interval '5 min')
GROUP BY j.id, j.action
"""
EVENT_LAG = """
SELECT EXTRACT(EPOCH FROM statement_timestamp() - received_at)::float8 FROM billing_webhookevent
WHERE next_attempt_at <= statement_timestamp() ORDER BY next_attempt_at LIMIT 1
"""
# The first by id: of those that were queued again since, whose time is later, a hundred are passed over.
MAILS = f"""
SELECT (SELECT COUNT(*) FROM (SELECT 1 FROM customers_mail WHERE status = 'queued' LIMIT {BOUND + 1}) queued),
       (SELECT EXTRACT(EPOCH FROM statement_timestamp() - MIN(queued_at))::float8
        FROM (SELECT queued_at FROM customers_mail WHERE status = 'queued' ORDER BY id LIMIT 100) first)
"""  # noqa: S608 - constants
ENDPOINTS = f"""
SELECT e.id, COALESCE(NULLIF(e.description, ''), e.url), e.active, waiting.count, first.seconds,
       COALESCE(EXTRACT(EPOCH FROM statement_timestamp() - e.failing_since)::float8, 0)
FROM ecommerce_webhookendpoint e,
LATERAL (SELECT COUNT(*) FROM (SELECT 1 FROM ecommerce_webhookdelivery d
         WHERE d.endpoint_id = e.id AND d.status = 'queued' LIMIT {BOUND + 1}) queued) waiting,
LATERAL (SELECT EXTRACT(EPOCH FROM statement_timestamp() - MIN(created_at))::float8 AS seconds
         FROM (SELECT created_at FROM ecommerce_webhookdelivery d WHERE d.endpoint_id = e.id AND d.status = 'queued'
               ORDER BY next_attempt_at LIMIT 100) oldest) first
ORDER BY e.id LIMIT 100
"""  # noqa: S608 - constants
RECONCILED = """
SELECT EXTRACT(EPOCH FROM statement_timestamp() - finished_at)::float8 FROM billing_reconciliation
WHERE finished_at IS NOT NULL ORDER BY id DESC LIMIT 1
"""
DIFFERENCES = f"""
SELECT kind, COUNT(*) FROM (SELECT kind FROM billing_difference WHERE resolved_at IS NULL LIMIT {BOUND + 1}) open
GROUP BY kind
"""  # noqa: S608 - constants
CONNECTIONS = """
SELECT COALESCE(state, 'other'), COUNT(*) FROM pg_stat_activity WHERE backend_type = 'client backend' GROUP BY 1
"""
SERVER = """
SELECT current_setting('server_version'), pg_database_size(current_database()),
       current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int,
       (SELECT COALESCE(MAX(EXTRACT(EPOCH FROM clock_timestamp() - xact_start)), 0)::float8 FROM pg_stat_activity
        WHERE backend_type = 'client backend' AND pid <> pg_backend_pid())
"""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An endpoint of webhooks out: what waits for it, since when, and since when nothing has reached it."""

    id: int
    name: str
    active: bool
    waiting: int
    oldest: float | None
    failing: float


@dataclass(frozen=True, slots=True)
class Retention:
    """Since when the rule that ran longest ago has not removed what is old, and how many failed the last time."""

    seconds: float | None
    failed: int


@dataclass(frozen=True, slots=True)
class Server:
    version: str
    size: int
    connection_limit: int
    oldest_transaction: float


def unsettled() -> list[tuple[str, str, float]]:
    """Return what was asked of Stripe and has no end yet: "charge" or "refund", its status, the first one's seconds."""
    return [(kind, status, seconds) for kind, status, seconds in _rows(UNSETTLED)]


def jobs() -> dict[str, int]:
    return dict(_rows(JOBS))


def job_orders() -> list[tuple[int, str, int]]:
    """Return job, action and how many of its orders have an outcome, of jobs that run or have just ended."""
    return [(job, action, int(orders)) for job, action, orders in _rows(JOB_ORDERS)]


def event_lag() -> float:
    """Return for how many seconds the first of Stripe's events that are due has waited."""
    return next((seconds for (seconds,) in _rows(EVENT_LAG)), 0.0)


def mails() -> tuple[int, float | None]:
    ((count, seconds),) = _rows(MAILS)
    return count, seconds


def endpoints() -> list[Endpoint]:
    return [Endpoint(*row) for row in _rows(ENDPOINTS)]


def documents() -> dict[str, int]:
    statuses = (Document.Status.QUEUED, Document.Status.BROKEN)
    counts = bounded_counts([Document.objects.filter(status=status) for status in statuses])
    return dict(zip(map(str, statuses), counts, strict=True))


def needs_attention() -> dict[str, int]:
    kinds = {
        "order": Order.objects.needing_attention(),
        "mail": Mail.objects.filter(NEEDS_ATTENTION),
        "document": Document.objects.filter(status=Document.Status.BROKEN),
        "event": WebhookEvent.objects.exclude(error=""),
        "endpoint": troubled(),
    }
    return dict(zip(kinds, bounded_counts(list(kinds.values())), strict=True))


def reconciled() -> float | None:
    """Return how many seconds ago `reconcile` came to an end; None if it never did."""
    return next((seconds for (seconds,) in _rows(RECONCILED)), None)


def differences() -> dict[str, int]:
    return {**dict.fromkeys(map(str, Difference.Kind.values), 0), **dict(_rows(DIFFERENCES))}


def retention() -> Retention:
    """Ask about the rules that remove anything; those of a new shop have not run yet."""
    runs = RetentionRun.objects.filter(kind__in=[rule.kind for rule in RULES if rule.age])
    first = Min(Coalesce("finished_at", "started_at"))
    found = runs.aggregate(age=Now() - first, failed=Count("pk", filter=~Q(error="")))
    return Retention(found["age"].total_seconds() if found["age"] else None, found["failed"])


def connections() -> dict[str, int]:
    return dict(_rows(CONNECTIONS))


def server() -> Server:
    (row,) = _rows(SERVER)
    return Server(*row)


def _rows(sql: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows
