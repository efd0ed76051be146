"""What beat remembers of its schedule."""

from pathlib import Path
from typing import Any

import pytest

from pelcro_orders.beat import MonotonicScheduler
from pelcro_orders.celery import app

TASK = "sweep"


def started(path: Path) -> MonotonicScheduler:
    """Return the scheduler of a beat that has just been started."""
    return MonotonicScheduler(app, schedule_filename=str(path))


def done(beat: Any) -> None:
    beat.schedule[TASK] = next(beat.schedule[TASK])


def test_beat_knows_after_a_restart_when_it_last_did_what(tmp_path: Path) -> None:
    file = tmp_path / "beat" / "schedule.pickle"
    beat: Any = started(file)
    done(beat)
    at = beat.schedule[TASK].last_run_at
    beat.close()
    again: Any = started(file)
    assert (again.schedule[TASK].last_run_at, again.schedule[TASK].total_run_count) == (at, 1)
    assert [each.name for each in file.parent.iterdir()] == [file.name]


def test_beat_goes_on_where_nothing_can_be_written(caplog: pytest.LogCaptureFixture) -> None:
    beat: Any = started(Path("/proc/beat/schedule.pickle"))
    done(beat)
    beat.sync()
    assert beat.schedule[TASK].total_run_count == 1
    assert {each.getMessage().partition(":")[0] for each in caplog.records if each.name == "pelcro_orders.beat"} == {
        "Beat goes on, and will not know after a restart when it last did what"
    }
    beat.close()


def test_beat_begins_anew_where_its_file_is_broken(tmp_path: Path) -> None:
    file = tmp_path / "schedule.pickle"
    file.write_bytes(b"half of a")
    beat: Any = started(file)
    assert TASK in beat.schedule
    done(beat)
    beat.close()
    assert started(file).schedule[TASK].total_run_count == 1
