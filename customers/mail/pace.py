"""The rate at which mails leave."""

import time
from collections import deque
from threading import Lock

WINDOW = 1.0  # second


class Pace:
    """Lets at most so many through in any second, from all threads together."""

    def __init__(self, per_second: int) -> None:
        self._latest: deque[float] = deque(maxlen=per_second)
        self._lock = Lock()
        self._paused_until = 0.0

    def wait(self) -> None:
        # Whoever sleeps keeps the others waiting: they would be later still.
        with self._lock:
            full = len(self._latest) == self._latest.maxlen
            next_at = max(self._paused_until, self._latest[0] + WINDOW if full else 0.0)
            time.sleep(max(0.0, next_at - time.monotonic()))
            self._latest.append(time.monotonic())

    def pause(self, seconds: float) -> None:
        """Let nothing through for so long."""
        self._paused_until = time.monotonic() + seconds
