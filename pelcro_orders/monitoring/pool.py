"""Counts how often web's threads asked their process's pool of connections for one, and how long they waited."""

from typing import Any

from django.db import connection

from backoffice.counters import count

POOL = "pool"
# By the names of psycopg_pool's statistics.
COUNTED = {
    "requests_num": "requests",
    "requests_queued": "waits",
    "requests_wait_ms": "wait_ms",
    "requests_errors": "errors",
}


def count_pool() -> None:
    """Count what happened since the last call; nothing where this process has no pool."""
    pool: Any = connection.pool  # type: ignore[attr-defined]  # of all threads
    if pool is None:
        return
    found = pool.pop_stats()
    for statistic, name in COUNTED.items():
        if number := found.get(statistic, 0):
            count(POOL, name, by=number)
