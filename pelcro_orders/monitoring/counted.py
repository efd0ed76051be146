"""Metrics of what all processes have counted: requests, their durations, pools of connections, and Stripe's 429s."""

from collections import defaultdict
from collections.abc import Iterable

from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric

from backoffice.counters import totals
from billing.rate_limit import TOO_MANY
from pelcro_orders.monitoring.pool import POOL
from pelcro_orders.monitoring.requests import BUCKETS, DURATION_SUM, DURATIONS, REQUESTS


def counted() -> Iterable[Metric]:
    found = totals()
    requests = CounterMetricFamily("pelcro_requests", "Requests answered.", labels=["view", "method", "status"])
    for (name, *labels), number in found.items():
        if name == REQUESTS:
            requests.add_metric(labels, number)
    yield requests
    yield _durations(found)
    yield from _pool(found)
    text = "Answers of Stripe's that asked to go slower (429)."
    yield CounterMetricFamily("pelcro_stripe_429", text, value=found.get((TOO_MANY,), 0))


def _pool(found: dict[tuple[str, ...], int]) -> Iterable[Metric]:
    texts = {
        "requests": "Connections to PostgreSQL that web's threads asked a pool for (none without pools).",
        "waits": "Of these, those that had to wait for one.",
        "errors": "Of these, those that waited for too long, and were answered with 503.",
    }
    for name, text in texts.items():
        yield CounterMetricFamily(f"pelcro_pool_{name}", text, value=found.get((POOL, name), 0))
    text = "How long they waited, all together."
    yield CounterMetricFamily("pelcro_pool_wait_seconds", text, value=found.get((POOL, "wait_ms"), 0) / 1000)


def _durations(found: dict[tuple[str, ...], int]) -> Metric:
    text = "Time that a view took, in seconds."
    family = HistogramMetricFamily("pelcro_request_seconds", text, labels=["view"])
    by_view = defaultdict[str, dict[int, int]](dict)
    for (name, view, *bucket), number in ((key, number) for key, number in found.items() if len(key) > 1):
        if name == DURATIONS:
            by_view[view][int(bucket[0])] = number
    for view, counts in by_view.items():
        family.add_metric([view], _cumulated(counts), found.get((DURATION_SUM, view), 0) / 1_000_000)
    return family


def _cumulated(counts: dict[int, int]) -> list[tuple[str, float]]:
    so_far, buckets = 0, []
    for position, most in enumerate([*map(str, BUCKETS), "+Inf"]):
        so_far += counts.get(position, 0)
        buckets.append((most, float(so_far)))
    return buckets
