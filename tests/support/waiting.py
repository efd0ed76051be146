"""Waiting in tests: as long as it takes, up to a limit, instead of a fixed sleep."""

import time
from collections.abc import Callable


def wait_until(holds: Callable[[], bool], *, seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.02)
