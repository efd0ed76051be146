"""Which errors mean that PostgreSQL can't be used at all, and how they are logged."""

import logging
import re
from collections.abc import Iterator

import psycopg

# Of a session: it ends or can't begin, whatever it was asked. PgBouncer says all of its own by class 08.
CLASSES, CODES = ("08",), {"53300", "57P01", "57P02", "57P03", "57P05"}
CLOSED = re.compile(r"connection (is|already) closed")


def is_unavailable(error: BaseException | None) -> bool:
    """Whether a session of PostgreSQL can't begin or has ended; a lock or constraint is no reason to come again."""
    return any(_ends_session(each) for each in _causes(error))


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


def _ends_session(error: BaseException) -> bool:
    if isinstance(error, psycopg.OperationalError):
        code = error.sqlstate  # None: libpq says it, or the pool, and no server
        return code is None or code.startswith(CLASSES) or code in CODES
    return isinstance(error, psycopg.InterfaceError) and bool(CLOSED.search(str(error)))


class OneLine(logging.Filter):
    """A line without a traceback for a request that was answered so; the log of the requests has its path and time."""

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if is_unavailable(error):
            record.levelno, record.levelname = logging.WARNING, "WARNING"
            record.msg, record.args = "PostgreSQL can't be used: %s", (" ".join(str(error).split()),)
            record.exc_info = record.exc_text = None
        return True
