"""Whether this worker was told to end (SIGTERM): what takes long then stops at its next step, for another to go on.

Celery tells its main process alone, in a signal handler; the tasks run in processes that were forked from it.
"""

import mmap
import time

_begun = mmap.mmap(-1, 1)  # shared with them; to write a byte takes no lock, which a signal handler must not


def begin() -> None:
    _begun[0] = 1


def forget() -> None:
    _begun[0] = 0


def has_begun() -> bool:
    return bool(_begun[0])


def time_is_up(until: float) -> bool:
    """Whether nothing more is to be begun: that moment of the monotonic clock is over, or the worker is to end."""
    return has_begun() or time.monotonic() >= until
