"""PostgreSQL with no connection left, as the programs of a shop find it that opens too many."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import psycopg
from django.conf import settings
from django.db import connection

from pelcro_orders.service_urls import libpq_parameters

# The last ones of PgBouncer, in front.
FULL = ("too many clients", "remaining connection slots", "no more connections allowed")


@contextmanager
def no_connection_left() -> Iterator[None]:
    """Open connections until the server takes no more, this thread's own included."""
    parameters: dict[str, Any] = libpq_parameters(settings.DATABASES["default"]) | {
        "dbname": connection.settings_dict["NAME"]
    }
    connection.close()
    with ExitStack() as opened:
        try:
            for _ in range(1000):
                opened.callback(psycopg.connect(**parameters).close)
        except psycopg.OperationalError as error:
            assert any(words in str(error) for words in FULL)  # noqa: PT017
        yield
