"""Whether acts mail the customers: not where staff said so, for a job or one act, nor for data that is made up.

A part of the context, as who acts is for Activity, so that no act can forget to hand it on.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_enabled: ContextVar[bool] = ContextVar("notifies", default=True)


def notifies() -> bool:
    return _enabled.get()


@contextmanager
def notifying(enabled: bool) -> Iterator[None]:  # noqa: FBT001 - reads as a sentence
    """Let acts inside mail the customers or not; inside acts that mail nobody, nobody is mailed."""
    token = _enabled.set(_enabled.get() and enabled)
    try:
        yield
    finally:
        _enabled.reset(token)
