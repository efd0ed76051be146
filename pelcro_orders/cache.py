"""The cache that all processes share: counts of sign-ins, failed and not. Nothing in it is missed when it is lost."""

import logging
from collections.abc import Callable
from typing import Any

import redis
from django.core.cache.backends.locmem import LocMemCache
from django.core.cache.backends.redis import RedisCache

logger = logging.getLogger(__name__)


class SharedCache(RedisCache):
    """Redis; with Redis gone, each process counts for itself, so that people still sign in and are still counted."""

    def __init__(self, server: str, params: dict[str, Any]) -> None:
        super().__init__(server, params)
        self._alone = LocMemCache("alone", {})

    def add(self, *args: Any, **kwargs: Any) -> bool:
        """Write what is not there yet."""
        return bool(self._try(super().add, self._alone.add, *args, **kwargs))

    def get(self, *args: Any, **kwargs: Any) -> Any:
        """Read."""
        return self._try(super().get, self._alone.get, *args, **kwargs)

    def set(self, *args: Any, **kwargs: Any) -> None:
        """Write."""
        self._try(super().set, self._alone.set, *args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> bool:
        """Remove."""
        return bool(self._try(super().delete, self._alone.delete, *args, **kwargs))

    def _try(self, shared: Callable[..., Any], alone: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        try:
            return shared(*args, **kwargs)
        except redis.RedisError:
            logger.warning("Redis is gone; each process counts sign-ins for itself.")
            return alone(*args, **kwargs)
