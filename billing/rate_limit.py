"""Rate limit: the calls to Stripe of all processes together stay under the configured rates, people's before jobs'.

There is a rate of all calls, and one of each endpoint (a lane). A call of a person's books a slot in lists in Redis and
sleeps until then; it waits for other people's alone. A call of a job takes a slot that is free now or asks again: so
jobs use what people leave, and are never ahead of them.
"""

import functools
import logging
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Literal

import redis
from django.conf import settings
from django.utils.translation import gettext as _
from redis.commands.core import Script

from backoffice.counters import count
from backoffice.redis_client import redis_client

logger = logging.getLogger(__name__)

# A quarter of a second's calls may go out at once, so that the second call of an order need not wait while nothing
# else is going on.
BURSTS = 4
WINDOW = 1.03  # seconds for the calls of one; the rest allows for threads that wake up late
LONGEST_WAIT = 15  # seconds; a lease of 60 must outlast this and the call
PAUSE_MS = 1000  # after a 429
LOCAL_SHARE = 4  # without Redis each process keeps to this fraction of the rate
REDIS_RETRY = 5  # seconds

# Redis's clock, since those of machines differ. The slot follows the call that is `burst` calls back by one window.
# Lists: of all calls, of the lane's, of people's, of people's in the lane. A job heeds the first two, people the rest.
BOOK = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local slot = now + math.max(redis.call('PTTL', KEYS[5]), 0) * 1000
local job = ARGV[6] == '1'
local heeded = job and 0 or 2
for each = 1, 2 do
    local before = redis.call('LINDEX', KEYS[heeded + each], ARGV[each * 2 - 1] - 1)
    if before then slot = math.max(slot, before + ARGV[each * 2]) end
end
if slot - now > tonumber(ARGV[5]) then return {-1, 0} end
if job and slot > now then return {slot - now, 0} end
for each = 1, job and 2 or 4 do
    redis.call('LPUSH', KEYS[each], string.format('%.0f', slot))
    redis.call('LTRIM', KEYS[each], 0, ARGV[(each - 1) % 2 * 2 + 1] - 1)
    redis.call('PEXPIRE', KEYS[each], 60000)
end
return {slot - now, 1}
"""
PAUSE = "stripe:pause"
TOO_MANY = "stripe_429"  # counted for monitoring
Lane = Literal["payments", "refunds", "customers", "taxes", "reads"]


class QueueFull(Exception):
    """Too many calls wait already; come back later."""


class Stopped(QueueFull):
    """The bulk job whose call this is was stopped while the call waited for its turn."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Whose calls are made: a job's give way to people's, and raise Stopped once `stopped` is set."""

    is_job: bool = False
    stopped: threading.Event | None = None


PERSON = Caller()
_caller: ContextVar[Caller] = ContextVar("caller", default=PERSON)


@contextmanager
def as_job(stopped: threading.Event | None = None) -> Iterator[None]:
    """Have the calls made in here give way to people's, and raise Stopped once the event is set."""
    token = _caller.set(Caller(is_job=True, stopped=stopped))
    try:
        yield
    finally:
        _caller.reset(token)


class LocalLimiter:
    """The slots of this process alone, at a fraction of the rate, while Redis is gone."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._booked: deque[float] = deque(maxlen=10_000)
        self.paused_until = 0.0
        self.redis_gone_until = 0.0

    def book(self, rate: int) -> float:
        """Book the next slot and return the seconds until then. Raise QueueFull."""
        burst, window = _burst(rate / LOCAL_SHARE)
        with self._lock:
            now = time.monotonic()
            before = self._booked[-burst] + window if len(self._booked) >= burst else now
            slot = max(now, self.paused_until, before)
            if slot - now > LONGEST_WAIT:
                raise QueueFull(_("Too many calls to Stripe wait already."))
            self._booked.append(slot)
        return slot - now


local_limiter = LocalLimiter()


@functools.cache
def _book() -> Script:
    return redis_client().register_script(BOOK)


def wait(lane: Lane = "reads") -> None:
    """Wait until one more call may be sent. Raise QueueFull, or Stopped."""
    caller, until = _caller.get(), time.monotonic() + LONGEST_WAIT
    while True:
        _raise_if_stopped(caller)
        seconds, booked = _booked(lane, caller)
        if seconds <= 0:
            break
        if time.monotonic() + seconds > until:
            raise QueueFull(_("Too many calls to Stripe wait already."))
        time.sleep(seconds)
        # Another process may have received a 429 meanwhile.
        if booked and not _paused():
            break
    _raise_if_stopped(caller)


def _raise_if_stopped(caller: Caller) -> None:
    if caller.stopped and caller.stopped.is_set():
        raise Stopped(_("The bulk job was stopped."))


def slow_down() -> None:
    """Pause the calls of all processes: Stripe returned a 429."""
    count(TOO_MANY)
    local_limiter.paused_until = time.monotonic() + PAUSE_MS / 1000
    try:
        redis_client().set(PAUSE, 1, px=PAUSE_MS)
    except redis.RedisError:
        logger.warning("Redis is gone: only this process slows down for Stripe.")


def _booked(lane: Lane, caller: Caller) -> tuple[float, bool]:
    """Return the seconds until the slot, and whether it is booked: a job's call asks again then."""
    rate = settings.STRIPE_MAX_REQUESTS_PER_SECOND
    if time.monotonic() >= local_limiter.redis_gone_until:
        try:
            return _booked_with_all(rate, lane, caller)
        except redis.RedisError:
            logger.warning("Redis is gone; each process calls Stripe at a quarter of the rate.")
            local_limiter.redis_gone_until = time.monotonic() + REDIS_RETRY
    return local_limiter.book(rate), True


def _booked_with_all(rate: int, lane: Lane, caller: Caller) -> tuple[float, bool]:
    arguments: list[int] = []
    for each in (rate, min(rate, settings.STRIPE_MAX_REQUESTS_PER_ENDPOINT)):
        burst, window = _burst(each)
        arguments += [burst, round(window * 1_000_000)]
    lists = ["stripe:calls", f"stripe:calls:{lane}", "stripe:people", f"stripe:people:{lane}"]
    booking = _book()(keys=[*lists, PAUSE], args=[*arguments, LONGEST_WAIT * 1_000_000, int(caller.is_job)])
    microseconds, booked = int(booking[0]), bool(booking[1])
    if microseconds < 0:
        raise QueueFull(_("Too many calls to Stripe wait already."))
    return microseconds / 1_000_000, booked


def _burst(rate: float) -> tuple[int, float]:
    """Return how many calls may go out at once, and the seconds in which no more may."""
    burst = max(1, int(rate / BURSTS))
    return burst, WINDOW * burst / rate


def _paused() -> bool:
    if time.monotonic() < local_limiter.redis_gone_until:
        return time.monotonic() < local_limiter.paused_until
    try:
        return bool(redis_client().exists(PAUSE))
    except redis.RedisError:
        return False
