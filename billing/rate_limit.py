"""Rate limit: the calls to Stripe of all processes together stay under the configured rate.

Each call books a slot in a list in Redis and sleeps until then: one round trip for each, however many wait.
"""

import functools
import logging
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import redis
from django.conf import settings
from django.utils.translation import gettext as _
from redis.commands.core import Script

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
BOOK = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local slot = now + math.max(redis.call('PTTL', KEYS[2]), 0) * 1000
local before = redis.call('LINDEX', KEYS[1], ARGV[1] - 1)
if before then slot = math.max(slot, before + ARGV[2]) end
if slot - now > tonumber(ARGV[3]) then return -1 end
redis.call('LPUSH', KEYS[1], string.format('%.0f', slot))
redis.call('LTRIM', KEYS[1], 0, ARGV[1] - 1)
redis.call('PEXPIRE', KEYS[1], 60000)
return slot - now
"""
CALLS, PAUSE = "stripe:calls", "stripe:pause"


class QueueFull(Exception):
    """Too many calls wait already; come back later."""


class Stopped(QueueFull):
    """The bulk job whose call this is was stopped while the call waited for its turn."""


_stopped: ContextVar[threading.Event | None] = ContextVar("stopped", default=None)


@contextmanager
def unless_stopped(stopped: threading.Event | None) -> Iterator[None]:
    """Have calls made in here raise Stopped where the event is set when their turn has come."""
    token = _stopped.set(stopped)
    try:
        yield
    finally:
        _stopped.reset(token)


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
def _redis() -> redis.Redis:
    return redis.Redis.from_url(settings.REDIS_URL, socket_timeout=2, socket_connect_timeout=2)


@functools.cache
def _book() -> Script:
    return _redis().register_script(BOOK)


def wait() -> None:
    """Wait until one more call may be sent. Raise QueueFull, or Stopped."""
    seconds = _booked()
    while seconds > 0:
        time.sleep(seconds)
        # Another process may have received a 429 meanwhile.
        seconds = _booked() if _paused() else 0
    stopped = _stopped.get()
    if stopped and stopped.is_set():
        raise Stopped(_("The bulk job was stopped."))


def slow_down() -> None:
    """Pause the calls of all processes: Stripe returned a 429."""
    local_limiter.paused_until = time.monotonic() + PAUSE_MS / 1000
    try:
        _redis().set(PAUSE, 1, px=PAUSE_MS)
    except redis.RedisError:
        logger.warning("Redis is gone: only this process slows down for Stripe.")


def _booked() -> float:
    rate = settings.STRIPE_MAX_REQUESTS_PER_SECOND
    if time.monotonic() >= local_limiter.redis_gone_until:
        try:
            return _booked_with_all(rate)
        except redis.RedisError:
            logger.warning("Redis is gone; each process calls Stripe at a quarter of the rate.")
            local_limiter.redis_gone_until = time.monotonic() + REDIS_RETRY
    return local_limiter.book(rate)


def _booked_with_all(rate: int) -> float:
    burst, window = _burst(rate)
    arguments = [burst, round(window * 1_000_000), LONGEST_WAIT * 1_000_000]
    microseconds = int(_book()(keys=[CALLS, PAUSE], args=arguments))
    if microseconds < 0:
        raise QueueFull(_("Too many calls to Stripe wait already."))
    return microseconds / 1_000_000


def _burst(rate: float) -> tuple[int, float]:
    """Return how many calls may go out at once, and the seconds in which no more may."""
    burst = max(1, int(rate / BURSTS))
    return burst, WINDOW * burst / rate


def _paused() -> bool:
    if time.monotonic() < local_limiter.redis_gone_until:
        return time.monotonic() < local_limiter.paused_until
    try:
        return bool(_redis().exists(PAUSE))
    except redis.RedisError:
        return False
