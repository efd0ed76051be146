"""Changing a table that is in use: whoever uses it goes on, and the change comes once it can."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from django.core.management.base import CommandError
from django.db import IntegrityError, connection, transaction

from backoffice import lock_waits
from backoffice.lock_waits import LockWaits

pytestmark = pytest.mark.django_db(transaction=True)
SHORT = timedelta(milliseconds=100)
ALTER = "ALTER TABLE staff_rolesettings ADD COLUMN new int"


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(lock_waits, "FIRST_PAUSE", 0.05)
    monkeypatch.setattr(lock_waits, "LONGEST_PAUSE", 0.05)
    yield
    run("ALTER TABLE staff_rolesettings DROP COLUMN IF EXISTS new")


def run(sql: str) -> tuple[Any, ...]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return tuple(cursor.fetchone() or ()) if cursor.description else ()


def time_outs() -> tuple[Any, ...]:
    return run("SELECT current_setting('lock_timeout'), current_setting('statement_timeout')")


def another() -> psycopg.Connection[Any]:
    return psycopg.connect(**connection.get_connection_params())


@contextmanager
def in_use() -> Iterator[psycopg.Connection[Any]]:
    """Read the table in a transaction that stays open, as an export's does."""
    with another() as reader:
        reader.execute("SELECT FROM staff_rolesettings")
        yield reader


def used_on(waits: list[float], stop: threading.Event) -> None:
    with another() as user:
        user.autocommit = True
        while not stop.is_set():
            begun = time.monotonic()
            user.execute("UPDATE staff_rolesettings SET discount_ceiling = discount_ceiling")
            waits.append(time.monotonic() - begun)
            time.sleep(0.01)


def alter_in_transaction() -> None:
    with transaction.atomic():
        run("CREATE TABLE made_before ()")  # and undone with what follows
        run(ALTER)
        run("DROP TABLE made_before")


@pytest.mark.parametrize("change", [lambda: run(ALTER), alter_in_transaction], ids=["statement", "transaction"])
def test_nobody_waits_behind_a_change_that_waits(change: Callable[[], Any]) -> None:
    before, said, waits, stop = time_outs(), list[str](), list[float](), threading.Event()
    thread = threading.Thread(target=used_on, args=(waits, stop))
    thread.start()
    with in_use() as reader:
        name = f"process {reader.info.backend_pid} ("

        def say(text: str) -> None:
            said.append(text)
            if len(said) == 3:
                time.sleep(1.1)  # so that it is named: it has read for a second
            if len(said) == 4:
                reader.rollback()

        LockWaits(connection, say=say, lock_timeout=SHORT).run(change)
    stop.set()
    thread.join()

    run("SELECT new FROM staff_rolesettings")
    assert len(waits) > 5
    assert max(waits) < 0.8  # of which the lock's time-out is 0.1
    assert f"A table is in use, by {name}" in said[3]
    assert said[3].endswith("Nobody is kept waiting: it is tried again in 0 s.")
    assert time_outs() == before


def test_what_stays_in_use_is_given_up_in_words() -> None:
    with (
        in_use(),
        pytest.raises(CommandError, match=r"still in use, by .+ end what uses it, and run this again"),
    ):
        LockWaits(connection, say=print, lock_timeout=SHORT, give_up_after=timedelta()).run(lambda: run(ALTER))
    assert not connection.in_atomic_block


def test_what_keeps_nobody_waiting_may_wait_and_nothing_is_cut_off_by_time() -> None:
    run("CREATE TABLE big AS SELECT 1 AS x")
    run("ALTER TABLE big ADD CONSTRAINT x CHECK (x = 1) NOT VALID")
    seen = []

    def change() -> None:
        seen.append(time_outs())
        with another() as writer:
            writer.execute("INSERT INTO big VALUES (1)")
            timer = threading.Timer(0.4, writer.commit)
            timer.start()
            run("CREATE INDEX CONCURRENTLY x_of_big ON big (x)")  # waits for whoever writes
            timer.join()
            run("ALTER TABLE big VALIDATE CONSTRAINT x")
        seen.append(time_outs())

    try:
        LockWaits(connection, say=pytest.fail, lock_timeout=SHORT).run(change)
    finally:
        run("DROP TABLE big")
    assert seen == [("100ms", "0")] * 2


def test_an_index_that_was_left_half_built_is_built_anew() -> None:
    build, said = "CREATE UNIQUE INDEX CONCURRENTLY x_of_big ON big (x)", list[str]()
    run("CREATE TABLE big AS SELECT 1 AS x FROM generate_series(1, 2)")
    try:
        with pytest.raises(IntegrityError):
            run(build)
        run("DELETE FROM big WHERE ctid = (SELECT max(ctid) FROM big)")
        LockWaits(connection, say=said.append).run(lambda: run(build))
        assert run("SELECT indisvalid FROM pg_index WHERE indexrelid = 'x_of_big'::regclass") == (True,)
    finally:
        run("DROP TABLE big")
    assert said == ["Building the index x_of_big was stopped before; it is built anew."]


def test_a_change_that_fails_by_itself_is_not_tried_again() -> None:
    with pytest.raises(Exception, match="does not exist"):
        LockWaits(connection, say=pytest.fail).run(lambda: run("ALTER TABLE nowhere ADD COLUMN x int"))


@pytest.mark.parametrize("is_pooled", [False, True], ids=["direct", "behind a pooler"])
def test_nothing_of_it_stays_on_a_connection_that_was_made_for_it(
    monkeypatch: pytest.MonkeyPatch, *, is_pooled: bool
) -> None:
    connection.close()
    connection.execute_wrappers.clear()
    monkeypatch.setitem(connection.settings_dict, "DISABLE_SERVER_SIDE_CURSORS", is_pooled)
    waits = LockWaits(connection, say=pytest.fail)
    waits.run(lambda: run("SELECT 1"))
    assert connection.execute_wrappers
    assert waits._execute not in connection.execute_wrappers
