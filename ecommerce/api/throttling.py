"""Rate limits of the API: per customer or API key, and per IP address."""

import functools
import logging

import redis
from allauth.core.internal.ratelimit import get_ip
from django.conf import settings
from django.http import HttpRequest
from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage, RedisStorage, Storage
from limits.strategies import FixedWindowRateLimiter
from ninja.throttling import BaseThrottle

logger = logging.getLogger(__name__)
MINUTE = 60
GUEST_REQUESTS_PER_MINUTE = 6


class Guest:
    """Somebody without an account, who names an order and its e-mail."""


@functools.cache
def _shared() -> FixedWindowRateLimiter:
    return FixedWindowRateLimiter(_storage())


def _storage() -> Storage:
    pool = redis.ConnectionPool.from_url(settings.REDIS_URL, socket_timeout=2, socket_connect_timeout=2)
    return RedisStorage(settings.REDIS_URL, connection_pool=pool, wrap_exceptions=False)


@functools.cache
def _alone() -> FixedWindowRateLimiter:
    return FixedWindowRateLimiter(MemoryStorage())


def allowed(rate: int, *of_whom: str) -> bool:
    """Count one request, and tell whether it is within the rate. With Redis gone each process counts for itself."""
    item = RateLimitItemPerMinute(rate, namespace="api")
    try:
        return _shared().hit(item, *of_whom)
    except redis.RedisError:
        logger.warning("Redis is gone; each process counts requests for itself.")
        return _alone().hit(item, *of_whom)


def address_allowed(request: HttpRequest) -> bool:
    return allowed(settings.API_REQUESTS_PER_MINUTE_AND_ADDRESS, "address", get_ip(request))


class PerCaller(BaseThrottle):
    """Limits the requests of one customer, or of one API key; those of a guest by address, who might be guessing."""

    def allow_request(self, request: HttpRequest) -> bool:
        caller = request.auth  # type: ignore[attr-defined]
        if isinstance(caller, Guest):
            return allowed(GUEST_REQUESTS_PER_MINUTE, "guest", get_ip(request))
        return allowed(settings.API_REQUESTS_PER_MINUTE, type(caller).__name__, str(caller.pk))

    def wait(self) -> float | None:
        return MINUTE  # the longest that a fixed window can last
