"""Where the embedded services of one VAR_DIR listen, computed without starting anything."""

import hashlib
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

ENGINE = "django.db.backends.postgresql"


def socket_folder(var_dir: Path) -> Path:
    """Give the folder of this VAR_DIR's sockets: short, since the path of a socket has 107 bytes at most."""
    # Not TMPDIR: two shells of one person may differ in it, and must meet here.
    return Path("/tmp") / f"pelcro-{hashlib.sha256(str(var_dir).encode()).hexdigest()[:16]}"  # noqa: S108 - private to its owner, see folders.py


def database(url: str, var_dir: Path) -> dict[str, Any]:
    """Give Django's settings for a DATABASE_URL, or for the embedded server where there is none."""
    if not url:
        return {
            "ENGINE": ENGINE,
            "NAME": "pelcro",
            "USER": "pelcro",
            "HOST": str(socket_folder(var_dir)),
            "PORT": "5432",
        }
    parts = urlsplit(url)
    if parts.scheme not in {"postgres", "postgresql"}:
        raise ImproperlyConfigured("DATABASE_URL is not PostgreSQL's: write postgresql://user:password@host:5432/name.")
    query = parse_qs(parts.query)
    return {
        "ENGINE": ENGINE,
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": query.get("host", [unquote(parts.hostname or "")])[0],
        "PORT": str(parts.port or ""),
    }


def redis_url(url: str, var_dir: Path) -> str:
    """Give the address of Redis as redis-py reads it."""
    return url or f"unix://{socket_folder(var_dir)}/redis.sock"


def broker_url(url: str, var_dir: Path) -> str:
    """Give the address of Redis as Celery reads it: a Unix socket has another scheme there."""
    return redis_url(url, var_dir).replace("unix://", "redis+socket://", 1)
