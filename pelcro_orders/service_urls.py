"""Where the services listen: those configured by a URL, and the embedded ones of one VAR_DIR. Nothing is started."""

import hashlib
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, parse_qsl, unquote, urlencode, urlsplit

from django.core.exceptions import ImproperlyConfigured

ENGINE = "django.db.backends.postgresql"
POSTGRES_PORT = 5432  # of an embedded server, it only names the socket
EXAMPLE = "write postgresql://user:password@host:5432/name"
CLIENT = {"HOST": "host", "PORT": "port", "NAME": "dbname", "USER": "user", "PASSWORD": "password"}


def socket_folder(var_dir: Path) -> Path:
    """Give the folder of this VAR_DIR's sockets: short, since the path of a socket has 107 bytes at most."""
    # Not TMPDIR: two shells of one person may differ in it, and must meet here. Private to its owner: folders.py.
    return Path("/tmp") / f"pelcro-{hashlib.sha256(str(var_dir).encode()).hexdigest()[:16]}"  # noqa: S108


def database_url(sockets: Path) -> str:
    """Give the address of the embedded database."""
    return f"postgresql://pelcro@/pelcro?{urlencode({'host': sockets, 'port': POSTGRES_PORT}, safe='/')}"


def database(url: str, var_dir: Path) -> dict[str, Any]:
    """Give Django's settings for a DATABASE_URL, or for the embedded server where there is none."""
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


def client(settings: dict[str, Any]) -> dict[str, Any]:
    """Turn Django's settings of a database into what libpq wants, with little patience."""
    named = {theirs: settings[ours] for ours, theirs in CLIENT.items() if settings.get(ours)}
    tls = {name: value for name, value in settings.get("OPTIONS", {}).items() if name.startswith("ssl")}
    return {"connect_timeout": 2, **named, **tls}


def redis_url(url: str, var_dir: Path) -> str:
    """Give the address of Redis as redis-py reads it."""
    return url or f"unix://{socket_folder(var_dir)}/redis.sock"


def broker_url(url: str, var_dir: Path) -> str:
    """Give the address of Redis as Celery reads it: a socket has another scheme, and TLS says how strict it is."""
    address, _, query = redis_url(url, var_dir).partition("?")
    options = dict(parse_qsl(query))
    if address.startswith("unix://"):
        address = address.replace("unix://", "redis+socket://", 1)
        options |= {"virtual_host": options.pop("db")} if "db" in options else {}
    if address.startswith("rediss://"):
        options.setdefault("ssl_cert_reqs", "required")
    return f"{address}?{urlencode(options)}" if options else address


def storage(url: str, folder: Path) -> dict[str, Any]:
    """Give Django's settings for where exported files are kept: s3://bucket/prefix, file:///folder, or this folder."""
    parts = urlsplit(url)
    if parts.scheme == "s3":
        # Keys and region come from the environment, as AWS's own tools read them. One thread: rows come one way only.
        options = {"bucket_name": parts.netloc, "location": parts.path.strip("/"), "use_threads": False}
        return {"BACKEND": "storages.backends.s3.S3Storage", "OPTIONS": {**options, "file_overwrite": False}}
    location = Path(unquote(parts.path)) if parts.path else folder
    return {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": location}}
