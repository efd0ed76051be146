"""Every metric of `/metrics`, read from PostgreSQL and Redis when it is asked for.

All are of the whole installation, not of the process that answers: one address is scraped, whichever process answers.
"""

import logging
from collections.abc import Callable, Iterable, Iterator
from time import perf_counter

import redis
from django.db import Error, connection, transaction
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector

from backoffice.heartbeats import Kind, heartbeats
from billing import reachability, restore
from ecommerce.models import BulkJob
from pelcro_orders.monitoring import broker, database, readiness, versions
from pelcro_orders.monitoring.clocks import clocks
from pelcro_orders.monitoring.counted import counted
from pelcro_orders.monitoring.waiting import waiting

logger = logging.getLogger(__name__)
STATEMENT_MS = 1000  # what takes longer is left out of this scrape
Samples = Iterable[tuple[Iterable[str], float]]


class Installation(Collector):
    def collect(self) -> Iterator[Metric]:
        started = perf_counter()
        failed = 0
        reachability.ask_in_background()
        checks = readiness.readiness(reachability.last_found)
        yield _ready(checks)
        well = {check.name for check in checks if check.is_well}
        for needs, read in READERS:
            metrics = _read(read, in_database="postgresql" in needs) if well.issuperset(needs) else None
            failed += metrics is None
            yield from metrics or ()
        yield gauge("scrape_failed", "Groups of metrics that could not be read in this scrape.", (), [((), failed)])
        seconds = perf_counter() - started
        yield gauge("scrape_seconds", "How long reading all of this took.", (), [((), seconds)])


def gauge(name: str, text: str, labels: Iterable[str] = (), samples: Samples = ()) -> Metric:
    family = GaugeMetricFamily(f"pelcro_{name}", text, labels=list(labels))
    for values, number in samples:
        family.add_metric(list(values), number)
    return family


def _read(read: Callable[[], Iterable[Metric]], *, in_database: bool) -> list[Metric] | None:
    """Read one group; where it fails, the others are read all the same."""
    try:
        if not in_database:
            return list(read())
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL statement_timeout = {STATEMENT_MS}")
            return list(read())
    except (Error, redis.RedisError):
        logger.exception("Metrics can't be read: %s.", read.__name__)
        return None


def _ready(checks: Iterable[readiness.Check]) -> Metric:
    text = "Whether a check of /readyz is well: migrated, postgresql, redis, worker, beat, sweep, stripe."
    known = [check for check in checks if check.is_known]
    return gauge("ready", text, ["check"], [([check.name], check.is_well) for check in known])


def _versions() -> Iterable[Metric]:
    yield InfoMetricFamily("pelcro", "Versions.", value=versions.versions())


def _programs() -> Iterable[Metric]:
    seen = heartbeats()
    alive = [each for each in seen if each.is_alive]
    workers = [each.program for each in alive if each.program.kind == Kind.WORKER]
    beats = sum(each.program.kind == Kind.BEAT for each in alive)
    ages = {each.program.kind: each.age for each in reversed(seen)}
    missed = sum(each.is_missed and each.program.kind != Kind.SWEEP for each in seen)
    yield gauge("workers", "Workers seen within a minute.", (), [((), len(workers))])
    processes = sum(each.processes for each in workers)
    yield gauge("worker_processes", "Processes of these workers that do tasks.", (), [((), processes)])
    yield gauge("beats", "Beats seen within a minute; one is right.", (), [((), beats)])
    text = "Workers and beats of this hour that were not ended, and are not seen any more."
    yield gauge("programs_missing", text, (), [((), missed)])
    text = "Since when no worker, no beat was seen, and no sweep went through."
    yield gauge("last_seen_seconds", text, ["program"], [([kind], age) for kind, age in ages.items()])


def _clocks() -> Iterable[Metric]:
    largest: dict[str, float] = {}
    for name, ahead in clocks():
        largest[name] = max(largest.get(name, 0.0), ahead, key=abs)
    text = "By how much the clock of a program's machine is ahead of Redis's; web is the process that answers."
    yield gauge("clock_ahead_seconds", text, ["program"], [([name], ahead) for name, ahead in largest.items()])


def _queues() -> Iterable[Metric]:
    found = broker.message_queues()
    text = "Messages that wait for a worker."
    yield gauge("queue_messages", text, ["queue"], [([each.name], each.messages) for each in found])
    text = "For how long, at least, nobody has taken the message that is next."
    yield gauge("queue_head_seconds", text, ["queue"], [([each.name], each.seconds) for each in found])


def _due() -> Iterable[Metric]:
    found = waiting()
    text = "Rows that are due and no worker has taken up; 10001 stands for more."
    yield gauge("due", text, ["kind"], [([each.queue.kind], each.count) for each in found])
    text = "For how long the first of them is due."
    yield gauge("due_oldest_seconds", text, ["kind"], [([each.queue.kind], each.seconds or 0) for each in found])


def _unsettled() -> Iterable[Metric]:
    text = "Age of the oldest charge or refund that was asked for and whose end Stripe has not told, by its status."
    samples = [((kind, status), seconds) for kind, status, seconds in database.unsettled()]
    yield gauge("unsettled_oldest_seconds", text, ["kind", "status"], samples)


def _jobs() -> Iterable[Metric]:
    counts = database.jobs()
    text = "Bulk jobs by status."
    yield gauge("jobs", text, ["status"], [([status], counts.get(status, 0)) for status in BulkJob.Status.values])
    text = "Orders with an outcome, of jobs that run or ended within 5 minutes; their rate is orders a second."
    orders = CounterMetricFamily("pelcro_job_orders", text, labels=["job", "action"])
    for job, action, number in database.job_orders():
        orders.add_metric([str(job), action], number)
    yield orders


def _outboxes() -> Iterable[Metric]:
    yield gauge(
        "event_lag_seconds", "For how long the first due event of Stripe's waits.", (), [((), database.event_lag())]
    )
    count, seconds = database.mails()
    yield gauge("mails_waiting", "Mails that are not sent yet; 10001 stands for more.", (), [((), count)])
    yield gauge("mails_oldest_seconds", "Age of the oldest of them.", (), [((), seconds or 0)])
    endpoints = database.endpoints()
    by_id = ["endpoint"]
    text = "Events that wait for an endpoint of webhooks; 10001 stands for more."
    yield gauge("webhooks_waiting", text, by_id, [([str(each.id)], each.waiting) for each in endpoints])
    samples = [([str(each.id)], each.oldest or 0) for each in endpoints if each.active]
    yield gauge("webhooks_oldest_seconds", "Age of the oldest of them, where the endpoint is on.", by_id, samples)
    samples = [([str(each.id)], each.failing) for each in endpoints if each.active]
    yield gauge("webhooks_failing_seconds", "Since when nothing has reached an endpoint that is on.", by_id, samples)
    off = sum(not each.active for each in endpoints)
    yield gauge("webhook_endpoints_off", "Endpoints that are off.", (), [((), off)])
    text = "Invoices and credit notes that wait to be made, and that could not be."
    yield gauge("documents", text, ["status"], [([status], count) for status, count in database.documents().items()])


def _attention() -> Iterable[Metric]:
    text = "What stands under Needs attention; 10001 stands for more."
    yield gauge("needs_attention", text, ["kind"], [([kind], n) for kind, n in database.needs_attention().items()])
    text = "Differences between our books and Stripe's that nobody has ended."
    yield gauge("differences", text, ["kind"], [([kind], n) for kind, n in database.differences().items()])
    seconds = database.reconciled()
    text = "Since when no reconciliation has come to its end; absent before the first one."
    yield gauge("reconciled_seconds", text, (), [] if seconds is None else [((), seconds)])
    retention = database.retention()
    text = "Since when a rule of retention has not removed what is old; absent before the first night."
    yield gauge("retention_seconds", text, (), [] if retention.seconds is None else [((), retention.seconds)])
    yield gauge("retention_failed", "Rules of retention whose last run failed.", (), [((), retention.failed)])
    text = "1 while orders and refunds are refused, since the database was restored and after_restore has not run."
    yield gauge("restore_blocked", text, (), [((), restore.is_blocked())])


def _server() -> Iterable[Metric]:
    states, server = database.connections(), database.server()
    text = "Connections to PostgreSQL's server, all databases together."
    yield gauge("database_connections", text, ["state"], [([state], count) for state, count in states.items()])
    text = "How many of them it allows."
    yield gauge("database_connections_limit", text, (), [((), server.connection_limit)])
    text = "Age of the oldest transaction of the server."
    yield gauge("database_oldest_transaction_seconds", text, (), [((), server.oldest_transaction)])
    yield gauge("database_bytes", "Size of the database.", (), [((), server.size)])


READERS: list[tuple[tuple[str, ...], Callable[[], Iterable[Metric]]]] = [
    (("redis",), _programs),
    (("redis",), _queues),
    (("redis",), counted),
    (("redis", "postgresql"), _clocks),
    (("postgresql",), _versions),
    (("postgresql",), _due),
    (("postgresql",), _unsettled),
    (("postgresql",), _jobs),
    (("postgresql",), _outboxes),
    (("postgresql",), _attention),
    (("postgresql",), _server),
]
