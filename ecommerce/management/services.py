"""Whether what a deployment is connected to answers, and may be used: each refusal says what to change."""

from uuid import uuid4

import redis
from botocore.exceptions import BotoCoreError, ClientError
from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.core.management.base import CommandError
from django.db import OperationalError, connection

OLDEST_POSTGRESQL = 150_000  # as its version number says 15
SECONDS = 5


def check_postgresql() -> str:
    try:
        connection.ensure_connection()
    except OperationalError as error:
        if settings.EMBEDDED_DATABASE:
            raise CommandError("DATABASE_URL is not set: write postgresql://user:password@host:5432/name.") from error
        reason = " ".join(str(error).split())
        raise CommandError(f"PostgreSQL does not take the connection of DATABASE_URL: {reason}") from error
    version = int(str(_value("SHOW server_version_num")))
    if version < OLDEST_POSTGRESQL:
        raise CommandError(f"PostgreSQL is version {version // 10_000}: 15 or newer is needed.")
    encoding = _value("SHOW server_encoding")
    if encoding != "UTF8":
        raise CommandError(f"The database is in {encoding}: create it with ENCODING 'UTF8'.")
    return f"PostgreSQL: version {version // 10_000}.{version % 10_000}."


def check_may_create_tables() -> None:
    """Raise CommandError where migrations would be refused; newer servers grant nothing in `public`."""
    allowed = _value(
        "SELECT has_database_privilege(current_database(), 'CREATE') AND has_schema_privilege(current_schema, 'CREATE')"
    )
    if not allowed:
        name, role = connection.settings_dict["NAME"], connection.settings_dict["USER"]
        raise CommandError(
            f"The role {role} may not create tables in the database {name}: as its administrator, run "
            f'ALTER DATABASE "{name}" OWNER TO "{role}".'
        )


def _value(query: str) -> object:
    with connection.cursor() as cursor:
        cursor.execute(query)
        return cursor.fetchone()[0]


def check_redis() -> str:
    timeouts = {"socket_timeout": SECONDS, "socket_connect_timeout": SECONDS}
    try:
        with redis.Redis.from_url(settings.REDIS_URL, **timeouts) as client:
            version = client.info("server")["redis_version"]
    except redis.RedisError as error:
        raise CommandError(f"Redis does not answer at the address of REDIS_URL: {error}") from error
    return f"Redis: version {version}."


def check_storage() -> str:
    """Write a file where exports and documents go, and delete it."""
    where = settings.EXPORT_STORAGE_URL or f"files below VAR_DIR, {settings.VAR_DIR}"
    storage = storages["exports"]
    try:
        name = storage.save(f"setup-{uuid4()}", ContentFile(b"written by manage.py setup"))
        storage.delete(name)
    except (OSError, BotoCoreError, ClientError) as error:
        advice = "Set VAR_DIR, or who may write there."
        if settings.EXPORT_STORAGE_URL.startswith("s3:"):
            advice = "Create the bucket, set EXPORT_STORAGE_URL, or let its keys list, read, write and delete there."
        elif settings.EXPORT_STORAGE_URL:
            advice = "Set EXPORT_STORAGE_URL, or who may write there."
        raise CommandError(f"Files can't be kept in {where}: {str(error).rstrip('.')}. {advice}") from error
    return f"Files: kept in {where}."
