"""Pacing: all calls to Stripe of all processes together stay under the configured rate."""

import functools
import logging
import random
import time

import redis
from django.conf import settings
from limits import RateLimitItemPerSecond
from limits.storage import MemoryStorage, RedisStorage, Storage
from limits.strategies import MovingWindowRateLimiter

logger = logging.getLogger(__name__)
ALONE_SHARE = 4


@functools.cache
def _shared() -> MovingWindowRateLimiter:
    return MovingWindowRateLimiter(_storage())


def _storage() -> Storage:
    pool = redis.ConnectionPool.from_url(settings.REDIS_URL, socket_timeout=2, socket_connect_timeout=2)
    return RedisStorage(settings.REDIS_URL, connection_pool=pool, wrap_exceptions=False)


@functools.cache
def _alone() -> MovingWindowRateLimiter:
    return MovingWindowRateLimiter(MemoryStorage())


def wait() -> None:
    """Wait until one more call may be sent. With Redis gone, each process keeps to a quarter of the rate."""
    rate = settings.STRIPE_MAX_REQUESTS_PER_SECOND
    while not _allowed(rate):
        time.sleep(random.uniform(0.5, 1.5) / rate)  # noqa: S311 - jitter, so that threads don't ask in step


def _allowed(rate: int) -> bool:
    try:
        return _shared().hit(RateLimitItemPerSecond(rate), "stripe")
    except redis.RedisError:
        logger.warning("Redis is gone; Stripe is called at a quarter of the rate by each process.")
        return _alone().hit(RateLimitItemPerSecond(max(1, rate // ALONE_SHARE)), "stripe")
