"""Django's DATABASES: what a connection is told, directly and behind a pooler, and whether threads share some."""

from typing import Any

from django.db.backends.postgresql.psycopg_any import IsolationLevel

from backoffice.session_limits import STARTUP_OPTIONS
from pelcro_orders import process_name

NO_POOLER, TRANSACTION = "none", "transaction"
CONNECT_SECONDS = 5
KEPT_SECONDS = 60  # by a thread, after its last request
POOL_WAIT_SECONDS = 5  # then the request is answered with 503


def databases(address: dict[str, Any], *, pooler: str, pool_size: int, kind: str) -> dict[str, Any]:
    """Return DATABASES. A pool is of web's threads alone: a process that forks, as Celery's, can't hand it on."""
    pool = {"min_size": 1, "max_size": pool_size, "timeout": POOL_WAIT_SECONDS}
    has_pool = pool_size > 0 and kind == process_name.WEB
    options = {
        "application_name": process_name.application_name(kind),
        "connect_timeout": CONNECT_SECONDS,
        **address["OPTIONS"],
        "isolation_level": IsolationLevel.READ_COMMITTED,
        **({"options": STARTUP_OPTIONS} if pooler == NO_POOLER else {}),
        **({"pool": pool} if has_pool else {}),
    }
    return {
        "default": {
            **address,
            "OPTIONS": options,
            "ATOMIC_REQUESTS": False,
            "CONN_MAX_AGE": 0 if has_pool else KEPT_SECONDS,
            "CONN_HEALTH_CHECKS": True,
            # A cursor of the server's would be left in a session that the next transaction does not find.
            "DISABLE_SERVER_SIDE_CURSORS": pooler == TRANSACTION,
        }
    }
