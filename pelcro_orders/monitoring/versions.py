"""Which versions run."""

import platform

import django
import redis
from django.conf import settings
from django.db import connection

from backoffice.redis_client import redis_client


def versions() -> dict[str, str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('server_version')")
        (postgresql,) = cursor.fetchone() or ("",)
    return {
        "release": settings.RELEASE,
        "python": platform.python_version(),
        "django": django.get_version(),
        "postgresql": postgresql.split(" ")[0],
        **_redis(),
    }


def _redis() -> dict[str, str]:
    try:
        info = redis_client().info("server")
    except redis.RedisError:
        return {}
    name = "valkey" if "valkey_version" in info else "redis"
    return {name: str(info[f"{name}_version"])}
