"""Whether PostgreSQL and Redis answer, asked over connections of their own with short time-outs."""

import psycopg
import redis
from django.conf import settings
from django.db import connection

from pelcro_orders.service_urls import libpq_parameters

TIMEOUT = 2
MIGRATIONS = "SELECT app, name FROM django_migrations"


def postgres_answers() -> bool:
    try:
        with _new_connection() as probe:
            probe.execute("SELECT 1")
    except psycopg.Error:
        return False
    return True


def applied_migrations() -> set[tuple[str, str]] | None:
    """Return None where PostgreSQL does not answer, and an empty set where nothing was ever migrated."""
    try:
        with _new_connection() as probe:
            return set(probe.execute(MIGRATIONS).fetchall())
    except psycopg.errors.UndefinedTable:
        return set()
    except psycopg.Error:
        return None


def _new_connection() -> psycopg.Connection[tuple[str, str]]:
    # An open connection does not tell whether new ones are accepted.
    probe = psycopg.connect(**libpq_parameters(connection.settings_dict))
    probe.execute("SET LOCAL statement_timeout = 1000")
    return probe


def redis_answers() -> bool:
    try:
        with redis.Redis.from_url(settings.REDIS_URL, socket_timeout=TIMEOUT, socket_connect_timeout=TIMEOUT) as probe:
            return bool(probe.ping())
    except redis.RedisError:
        return False
