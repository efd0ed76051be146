"""Changes of tables that are in use: nobody is kept waiting behind them.

A statement that waits for a table's lock has all later ones wait behind it, for as long as the longest transaction (an
export reads for minutes). So it waits for a second, and is tried again, while what uses the table goes on.
"""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from datetime import timedelta
from typing import Any

import psycopg
from django.core.management.base import CommandError
from django.db import OperationalError
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created

LOCK_TIMEOUT = timedelta(seconds=1)
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 10.0  # seconds
GIVE_UP_AFTER = timedelta(minutes=15)
# Their locks let everybody read and write, and they wait for the longest transaction by design.
HARMLESS = re.compile(r"\b(concurrently|validate\s+constraint)\b", re.IGNORECASE)
INDEX = re.compile(r'create\s+(?:unique\s+)?index\s+concurrently\s+(?:if\s+not\s+exists\s+)?"?(\w+)', re.IGNORECASE)
HALF_BUILT = "SELECT FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE c.relname = %s AND NOT i.indisvalid"
IN_USE = (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected)
HOLDERS = """
SELECT format('process %s (%s) since %s s', pid, COALESCE(NULLIF(application_name, ''), 'without a name'),
              extract(epoch FROM now() - xact_start)::int)
FROM pg_stat_activity WHERE xact_start < now() - interval '1 second' AND pid <> pg_backend_pid()
ORDER BY xact_start LIMIT 3
"""


class LockWaits:
    """Runs changes on a connection, without a limit on how long they take once they have their locks."""

    def __init__(
        self,
        connection: BaseDatabaseWrapper,
        *,
        say: Callable[[str], Any],
        lock_timeout: timedelta = LOCK_TIMEOUT,
        give_up_after: timedelta = GIVE_UP_AFTER,
    ) -> None:
        self.connection, self.say = connection, say
        # Behind a pooler a session is not ours alone: only a transaction may have time-outs of its own.
        self.is_pooled: bool = connection.settings_dict.get("DISABLE_SERVER_SIDE_CURSORS", False)
        self.lock_timeout = f"{lock_timeout // timedelta(milliseconds=1)}ms"
        self.until = time.monotonic() + give_up_after.total_seconds()
        self.pause = FIRST_PAUSE

    def run(self, change: Callable[[], object]) -> None:
        """Run it again, from where its transactions left it, until no lock was refused; raise CommandError."""
        # A new connection gets wrappers of its own, of which Django would then take off the last instead of this one.
        self.connection.ensure_connection()
        with nullcontext() if self.is_pooled else self._time_outs(), self.connection.execute_wrapper(self._execute):
            while True:
                try:
                    change()
                except OperationalError as error:
                    self._wait_or_raise(error)
                else:
                    return

    @contextmanager
    def _time_outs(self) -> Iterator[None]:
        wanted = {"lock_timeout": self.lock_timeout, "statement_timeout": "0"}
        with self.connection.cursor() as cursor:
            cursor.execute("SELECT name, setting FROM pg_settings WHERE name = ANY(%s)", [list(wanted)])
            before = dict(cursor.fetchall())

        def set_again(connection: BaseDatabaseWrapper, **_kwargs: Any) -> None:
            if connection is self.connection:
                self._set(wanted)

        connection_created.connect(set_again)
        try:
            self._set(wanted)
            yield
        finally:
            connection_created.disconnect(set_again)
            if self.connection.connection is not None and self.connection.is_usable():
                self._set(before)

    def _set(self, values: dict[str, str]) -> None:
        with self.connection.cursor() as cursor:
            for name, value in values.items():
                cursor.execute("SELECT set_config(%s, %s, false)", [name, value])

    def _execute(
        self,
        execute: Callable[..., Any],
        sql: Any,
        params: Any,
        many: bool,  # noqa: FBT001 - Django's
        context: dict[str, Any],
    ) -> Any:
        if self.is_pooled and self.connection.in_atomic_block:
            limits = f"SET LOCAL lock_timeout = '{self.lock_timeout}'; SET LOCAL statement_timeout = 0"
            execute(limits, None, False, context)
        if HARMLESS.search(str(sql)) and not self.is_pooled:
            with self._without_lock_timeout():
                self._drop_half_built(str(sql))
                return execute(sql, params, many, context)
        while True:
            try:
                return execute(sql, params, many, context)
            except OperationalError as error:
                if self.connection.in_atomic_block:
                    raise  # the transaction is lost: `run` begins it anew
                self._wait_or_raise(error)

    def _drop_half_built(self, sql: str) -> None:
        """Drop the index that is to be built, if building it was stopped before: its name would be taken."""
        index = INDEX.search(sql)
        if index:
            with self.connection.cursor() as cursor:
                cursor.execute(HALF_BUILT, [index[1]])
                if cursor.fetchone() is not None:
                    self.say(f"Building the index {index[1]} was stopped before; it is built anew.")
                    cursor.execute(f'DROP INDEX CONCURRENTLY "{index[1]}"')

    @contextmanager
    def _without_lock_timeout(self) -> Iterator[None]:
        self._set({"lock_timeout": "0"})
        try:
            yield
        finally:
            self._set({"lock_timeout": self.lock_timeout})

    def _wait_or_raise(self, error: OperationalError) -> None:
        if not isinstance(error.__cause__, IN_USE) or self.connection.in_atomic_block:
            raise error
        holders = self._holders()
        if time.monotonic() >= self.until:
            message = (
                f"A table is still in use, by {holders}. What was migrated stays; end what uses it, and run this again."
            )
            raise CommandError(message) from error
        self.say(f"A table is in use, by {holders}. Nobody is kept waiting: it is tried again in {self.pause:.0f} s.")
        time.sleep(self.pause)
        self.pause = min(2 * self.pause, LONGEST_PAUSE)

    def _holders(self) -> str:
        with self.connection.cursor() as cursor:
            cursor.execute(HOLDERS)
            return ", ".join(text for (text,) in cursor.fetchall()) or "somebody who has ended"
