"""Work that one process does at a time: held while it is renewed, free once that stops, by no lock of a session."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models import F

from backoffice import process_leases
from backoffice.models import ProcessLease
from backoffice.process_leases import process_lease, renew

pytestmark = pytest.mark.django_db(transaction=True)
MINUTE = timedelta(minutes=1)


def is_free() -> bool:
    with process_lease("a work") as taken:
        return taken


def elsewhere(call: Callable[[], Any]) -> Any:
    """Call it on a connection of its own."""

    def run() -> Any:
        try:
            return call()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(run).result()


def time_passes(by: timedelta) -> None:
    ProcessLease.objects.update(ends_at=F("ends_at") - by)


def test_one_at_a_time_and_nothing_is_left() -> None:
    with process_lease("a work") as taken:
        assert taken
        assert not elsewhere(is_free)
        with process_lease("another work") as other:
            assert other
    assert not ProcessLease.objects.exists()
    assert is_free()


def test_of_many_at_once_one_gets_it() -> None:
    begin, end, got = threading.Barrier(6), threading.Barrier(6), list[bool]()

    def ask() -> None:
        begin.wait()
        with process_lease("a work") as taken:
            got.append(taken)
            end.wait()
        connection.close()

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert sorted(got) == [False] * 5 + [True]


def test_whoever_is_killed_loses_it_by_doing_nothing_and_takes_nothing_back() -> None:
    with process_lease("a work"):
        time_passes(MINUTE)
        with process_lease("a work") as taken_over:
            assert taken_over
            (other,) = ProcessLease.objects.all()
            stalled = process_leases._held.get()[0]
            stalled.renewed_at = 0
            renew()
            process_leases._release(stalled)
            (still,) = ProcessLease.objects.all()
            assert still.holder == other.holder


def test_a_long_work_is_renewed_at_most_once_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    with process_lease("a work", lease=MINUTE):
        (at_first,) = ProcessLease.objects.all()
        renew()
        assert ProcessLease.objects.get().ends_at == at_first.ends_at
        monkeypatch.setattr(process_leases, "RENEWED_EVERY", 0.0)
        time_passes(MINUTE / 2)
        renew()
        assert ProcessLease.objects.get().ends_at > at_first.ends_at


def test_what_killed_processes_left_is_forgotten() -> None:
    with process_lease("of a job that is over"):
        time_passes(2 * process_leases.FORGOTTEN_AFTER)
        is_free()
        assert not ProcessLease.objects.exists()


def test_a_connection_that_is_lost_meanwhile_ends_nothing_else(caplog: pytest.LogCaptureFixture) -> None:
    with process_lease("a work"):
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            (pid,) = cursor.fetchone() or (0,)
        elsewhere(lambda: terminate(pid))
    assert "a work was not given back, and runs out by itself" in caplog.text
    assert not is_free()
    time_passes(MINUTE)
    assert is_free()


def terminate(pid: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
