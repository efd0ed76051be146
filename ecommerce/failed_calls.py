"""Which operations the sweep leaves alone for a while, since executing them raised."""

import threading
import time
from datetime import timedelta
from functools import partial

from backoffice.leases import Backoff

FAILED = Backoff(first=timedelta(seconds=30), longest=timedelta(hours=1), jitter=0)


class FailedCalls:
    """In the memory of a process: where a row can't be leased, nothing may be written to it either.

    So that a row whose lease always raises is neither tried nor logged all the time, nor takes the place of others.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._failed: dict[tuple[str, int | str], tuple[int, float]] = {}

    def put_off(self, call: partial[None]) -> float:
        """Note that a call raised; return the seconds for which it is left alone."""
        with self._lock:
            attempts = self._failed.get(_key(call), (0, 0.0))[0]
            wait = FAILED.wait(attempts).total_seconds()
            self._failed[_key(call)] = (attempts + 1, time.monotonic() + wait)
        return wait

    def forget(self, call: partial[None]) -> None:
        """Note that a call went through."""
        with self._lock:
            self._failed.pop(_key(call), None)

    def ids(self, name: str) -> list[int | str]:
        """Return the keys that are left alone now of the calls with this argument."""
        with self._lock:
            now = time.monotonic()
            waiting = [key for key, (_attempts, until) in self._failed.items() if now < until]
        return [pk for argument, pk in waiting if argument == name]


def _key(call: partial[None]) -> tuple[str, int | str]:
    ((name, pk),) = call.keywords.items()
    return name, pk
