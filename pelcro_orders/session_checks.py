"""Whether PostgreSQL's sessions have their limits, and whether it takes as many as this program opens."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register  # noqa: A004 - Django's name
from django.db import connection

from backoffice.session_limits import LIMITS, MISSING, OF_ROLE
from pelcro_orders.database_settings import NO_POOLER

ROOM = """
SELECT LEAST(
    current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
    - COALESCE(current_setting('reserved_connections', true)::int, 0),
    (SELECT NULLIF(rolconnlimit, -1) FROM pg_roles WHERE rolname = session_user),
    (SELECT NULLIF(datconnlimit, -1) FROM pg_database WHERE datname = current_database())
)
"""
SHARE = 0.8  # of what there is, for web of one machine; the rest is for workers, and whoever looks in
REFUSED_OPTION = "unsupported startup parameter"


@dataclass(frozen=True, slots=True)
class Session:
    """What a new session is like; `room` is how many of this role may be open in this database."""

    unlimited: list[str]
    of_role: set[str]
    room: int


@register(Tags.database)
def session_limits(*, databases: Sequence[str] | None = None, **_kwargs: Any) -> list[CheckMessage]:
    if not databases:
        return []
    try:
        session = new_session()
    except psycopg.Error as error:
        return [_unanswered(" ".join(str(error).split()))]
    return [_unlimited(session)] if session.unlimited else []


def new_session() -> Session:
    """Open one as the program's own are, beside Django's; raise psycopg.Error."""
    # The pool of web would be opened before its processes are forked.
    parameters = connection.get_connection_params() | {"connect_timeout": 2, "autocommit": True}
    with psycopg.connect(**parameters) as own, own.cursor() as cursor:
        unlimited = [name for (name,) in cursor.execute(MISSING, [list(LIMITS)]).fetchall()]
        of_role = {name for (name,) in cursor.execute(OF_ROLE).fetchall()}
        (room,) = cursor.execute(ROOM).fetchone() or (0,)
    return Session(unlimited, of_role, room)


def _unanswered(reason: str) -> CheckMessage:
    if REFUSED_OPTION in reason:
        sentence = f"A pooler refuses the options of DATABASE_URL's sessions: {reason}"
        hint = "Set DATABASE_POOLER=transaction, and run `manage.py role_timeouts`."
        return Error(sentence, hint=hint, id="pelcro_orders.E008")
    sentence = f"PostgreSQL takes no connection, so whether its sessions have limits is not known: {reason}"
    return Warning(sentence, hint="Until it does, pages answer 503.", id="pelcro_orders.W006")


def _unlimited(session: Session) -> CheckMessage:
    sentence = f"{', '.join(session.unlimited)} of DATABASE_URL's sessions is 0: whatever hangs would hang for ever."
    if settings.DATABASE_POOLER == NO_POOLER:
        hint = "A pooler in between drops the options that set it: set DATABASE_POOLER=transaction."
    elif set(session.unlimited) <= session.of_role:
        hint = "The role has the limits, and the pooler's open sessions are older: RECONNECT, at PgBouncer's console."
    else:
        hint = "Run `manage.py role_timeouts`, and have the pooler open its sessions anew (RECONNECT)."
    return Error(sentence, hint=hint, id="pelcro_orders.E009")


def budget(*, needed: int, formula: str, room: int) -> tuple[str, bool]:
    """Return what is to be said of that many connections, if anything, and whether they are too many to start."""
    words = f"{formula} = {needed} connections to PostgreSQL, which takes {room} of this role and database"
    advice = "Fewer processes or threads, DATABASE_POOL_SIZE, a larger max_connections or a pooler (docs/operating.md)."
    if needed > room:
        return f"{words}: some of its requests would be answered with 503. {advice}", True
    if needed > room * SHARE:
        return f"{words}: little is left for workers and for other machines. {advice}", False
    return "", False
