"""Stripe's clock, as the `Date` header of its latest answer told it to this process."""

import time
from collections.abc import Mapping
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime

_told: tuple[datetime, float] | None = None


def read(headers: Mapping[str, str]) -> None:
    """Note the time of an answer; one without a time, or with an odd one, tells nothing."""
    global _told  # noqa: PLW0603 - one clock a process; threads replace the pair as a whole
    try:
        date = parsedate_to_datetime(headers.get("Date") or headers.get("date") or "")
    except ValueError:
        return
    if date.tzinfo:
        _told = date, time.monotonic()


def now() -> datetime | None:
    """Return Stripe's time; None until it has answered once."""
    if _told is None:
        return None
    date, at = _told
    return date + timedelta(seconds=time.monotonic() - at)


def latest(moment: datetime) -> datetime:
    """Return the later of this moment and Stripe's time."""
    return max(moment, now() or moment)
