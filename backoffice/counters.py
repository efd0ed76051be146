"""Counters of all processes together, for monitoring: added up in memory, and every few seconds added to Redis's.

Nothing waits for Redis, and while it is away nothing is lost but with a process that ends. Redis emptied, they begin at
zero, as counters may.
"""

import atexit
import threading
from collections import Counter
from collections.abc import Callable

import redis

from backoffice.redis_client import redis_client

KEY = "counters"
FLUSH_SECONDS = 3.0
SEPARATOR = "\x1f"
_lock = threading.Lock()
_counted: Counter[str] = Counter()


def count(*name: str, by: int = 1) -> None:
    """Add to a counter; its name has parts, the last ones labels."""
    with _lock:
        _counted[SEPARATOR.join(name)] += by


def totals() -> dict[tuple[str, ...], int]:
    """Return what all processes have counted. Raise redis.RedisError."""
    found: dict[bytes, bytes] = redis_client().hgetall(KEY)  # type: ignore[assignment]  # it is no coroutine here
    return {tuple(name.decode().split(SEPARATOR)): int(number) for name, number in found.items()}


def flush() -> None:
    """Add to Redis's what was counted since; it is kept for the next time where Redis is away."""
    with _lock:
        taken = Counter(_counted)
        _counted.clear()
    if not taken:
        return
    try:
        with redis_client().pipeline(transaction=True) as pipeline:
            for name, number in taken.items():
                pipeline.hincrby(KEY, name, number)
            pipeline.execute()
    except redis.RedisError:
        with _lock:
            _counted.update(taken)


def flush_in_background(first: Callable[[], None] = lambda: None) -> None:
    """Have this process, which must fork no more, add what it counts to Redis's from time to time.

    `first` counts what is counted elsewhere.
    """
    threading.Thread(target=_flush_for_ever, args=[first], name="counters", daemon=True).start()
    atexit.register(flush)


def _flush_for_ever(first: Callable[[], None]) -> None:
    wait = threading.Event().wait
    while not wait(FLUSH_SECONDS):
        first()
        flush()
