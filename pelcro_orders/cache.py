"""The cache of all processes, which counts attempts to sign in. Losing it loses nothing else."""

import logging
from collections.abc import Callable
from typing import Any

import redis
from django.core.cache.backends.locmem import LocMemCache
from django.core.cache.backends.redis import RedisCache

logger = logging.getLogger(__name__)


class SharedCache(RedisCache):
    """Redis; while Redis is gone, memory of the process, so that users can sign in and are still counted."""

    def __init__(self, server: str, params: dict[str, Any]) -> None:
        super().__init__(server, params)
        self._local = LocMemCache("local", {})

    def add(self, *args: Any, **kwargs: Any) -> bool:
        return bool(self._try(super().add, self._local.add, *args, **kwargs))

    def get(self, *args: Any, **kwargs: Any) -> Any:
        return self._try(super().get, self._local.get, *args, **kwargs)

    def set(self, *args: Any, **kwargs: Any) -> None:
        self._try(super().set, self._local.set, *args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> bool:
        return bool(self._try(super().delete, self._local.delete, *args, **kwargs))

    def _try(self, shared: Callable[..., Any], local: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        try:
            return shared(*args, **kwargs)
        except redis.RedisError:
            logger.warning("Redis is gone; each process counts sign-ins for itself.")
            return local(*args, **kwargs)
