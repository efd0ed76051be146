"""Addresses of PostgreSQL, Redis and the file storage: as configured, or of the local servers of a VAR_DIR."""

import hashlib
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, parse_qsl, unquote, urlencode, urlsplit

from django.core.exceptions import ImproperlyConfigured

ENGINE = "django.db.backends.postgresql"
POSTGRES_PORT = 5432  # of the local server, where it only names the socket
SOCKETS = Path("/tmp")  # noqa: S108 - in a folder that is its owner's alone
EXAMPLE = "write postgresql://user:password@host:5432/name"
LIBPQ_NAMES = {"HOST": "host", "PORT": "port", "NAME": "dbname", "USER": "user", "PASSWORD": "password"}


def socket_folder(var_dir: Path) -> Path:
    """Return the folder of a VAR_DIR's sockets: short, since a socket's path has 107 bytes at most."""
    # Not TMPDIR: it may differ between two shells that must use the same sockets.
    return SOCKETS / f"pelcro-{hashlib.sha256(str(var_dir).encode()).hexdigest()[:16]}"


def is_embedded(host: str) -> bool:
    """Whether this host of a database is a folder of sockets, of this VAR_DIR's server or of another's."""
    return Path(host).parent == SOCKETS and Path(host).name.startswith("pelcro-")


def database_url(sockets: Path) -> str:
    return f"postgresql://pelcro@/pelcro?{urlencode({'host': sockets, 'port': POSTGRES_PORT}, safe='/')}"


def database_settings(url: str, var_dir: Path) -> dict[str, Any]:
    """Return an entry of DATABASES for a DATABASE_URL, or for the local server if it is empty."""
    parts = _parts(url or database_url(socket_folder(var_dir)))
    if parts.scheme not in {"postgres", "postgresql"}:
        raise ImproperlyConfigured(f"DATABASE_URL is not PostgreSQL's: {EXAMPLE}.")
    query = dict(parse_qsl(parts.query))
    name = unquote(parts.path.lstrip("/"))
    if not name:
        raise ImproperlyConfigured(f"DATABASE_URL names no database: {EXAMPLE}.")
    return {
        "ENGINE": ENGINE,
        "NAME": name,
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": query.pop("host", unquote(parts.hostname or "")),
        "PORT": query.pop("port", str(parts.port or "")),
        "OPTIONS": query,  # sslmode and the like
    }


def _parts(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
    except ValueError:
        raise ImproperlyConfigured(f"DATABASE_URL is no address: {EXAMPLE}.") from None
    try:
        _ = parts.port
    except ValueError:
        raise ImproperlyConfigured(f"DATABASE_URL has no number for a port: {EXAMPLE}.") from None
    return parts


def libpq_parameters(settings: dict[str, Any]) -> dict[str, Any]:
    """Translate an entry of DATABASES, with a short timeout."""
    named = {libpq: settings[django] for django, libpq in LIBPQ_NAMES.items() if settings.get(django)}
    options = settings.get("OPTIONS", {}).items()
    kept = {name: value for name, value in options if name.startswith("ssl") or name == "application_name"}
    return {"connect_timeout": 2, **named, **kept}


def redis_url(url: str, var_dir: Path) -> str:
    return url or f"unix://{socket_folder(var_dir)}/redis.sock"


def broker_url(url: str, var_dir: Path) -> str:
    """Return the URL as Celery reads it: a socket has another scheme, and TLS states its certificate check."""
    address, _, query = redis_url(url, var_dir).partition("?")
    options = dict(parse_qsl(query))
    if address.startswith("unix://"):
        address = address.replace("unix://", "redis+socket://", 1)
        options |= {"virtual_host": options.pop("db")} if "db" in options else {}
    if address.startswith("rediss://"):
        options.setdefault("ssl_cert_reqs", "required")
    return f"{address}?{urlencode(options)}" if options else address


def storage_settings(url: str, folder: Path) -> dict[str, Any]:
    """Return an entry of STORAGES for s3://bucket/prefix, file:///folder, or `folder` if `url` is empty."""
    parts = urlsplit(url)
    if parts.scheme == "s3":
        # Keys and region come from the environment, as AWS's own tools read them.
        options = {"bucket_name": parts.netloc, "location": parts.path.strip("/")}
        return {"BACKEND": "pelcro_orders.s3.BoundedS3Storage", "OPTIONS": options}
    location = Path(unquote(parts.path)) if parts.path else folder
    return {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": location}}
