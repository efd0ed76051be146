"""Whether acts mail the customers: not where staff said so, for a job or one act, nor for data that is made up.

A part of the context, as who acts is for Activity, so that no act can forget to hand it on.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_enabled: ContextVar[bool] = ContextVar("notifies", default=True)
_is_mass: ContextVar[bool] = ContextVar("is_mass", default=False)


def notifies() -> bool:
    return _enabled.get()


def is_mass() -> bool:
    """Whether the acts are those of a mass action, whose mails leave behind all others."""
    return _is_mass.get()


@contextmanager
def notifying(enabled: bool, *, mass: bool = False) -> Iterator[None]:  # noqa: FBT001 - reads as a sentence
    """Let acts inside mail the customers or not; inside acts that mail nobody, nobody is mailed."""
    enabled_token, mass_token = _enabled.set(_enabled.get() and enabled), _is_mass.set(_is_mass.get() or mass)
    try:
        yield
    finally:
        _is_mass.reset(mass_token)
        _enabled.reset(enabled_token)
