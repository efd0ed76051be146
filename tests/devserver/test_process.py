import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from devserver import stale_processes
from devserver.private_folders import ensure_private
from devserver.process import DevServerError, Process

READY = "import time; print('ready', flush=True); time.sleep(60)"
STUBBORN = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {READY}"
PARENT = f"import subprocess, sys; print(subprocess.Popen(['sleep', '60']).pid, flush=True); {READY}"


def python(tmp_path: Path, code: str, start_timeout: float = 10, stop_timeout: float = 10) -> Process:
    process = Process(
        name="probe",
        argv=[sys.executable, "-c", code],
        log=tmp_path / "probe.log",
        ready_check=lambda: process.log_contains("ready"),
        env=os.environ,
        start_timeout=start_timeout,
        stop_timeout=stop_timeout,
    )
    return process


def eventually(holds: Callable[[], bool], seconds: float = 5) -> bool:
    deadline = time.monotonic() + seconds
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.02)
    return holds()


def gone(pid: int) -> bool:
    return stale_processes.identity(pid) == ""


def test_it_starts_answers_and_stops(tmp_path: Path) -> None:
    process = python(tmp_path, READY)
    process.start()
    assert process.running
    process.stop()
    assert process.ended
    assert gone(process.pid)


def test_one_that_ends_at_once_leaves_its_last_words(tmp_path: Path) -> None:
    process = python(tmp_path, "import sys; sys.exit('the disk is full')")
    with pytest.raises(DevServerError) as refusal:
        process.start()
    assert str(refusal.value) == f"Probe ended with status 1. The end of {process.log}:\n    the disk is full"


def test_one_that_does_not_exist_says_so(tmp_path: Path) -> None:
    process = python(tmp_path, "")
    process.argv = ["/no/such/program"]
    with pytest.raises(DevServerError, match="/no/such/program does not start: No such file or directory"):
        process.start()


def test_one_that_never_answers_is_not_waited_for(tmp_path: Path) -> None:
    process = python(tmp_path, "import time; time.sleep(60)", start_timeout=0.2)
    with pytest.raises(DevServerError, match="Probe does not answer within 0 s"):
        process.start()
    process.stop()


def test_one_that_does_not_want_to_end_is_ended(tmp_path: Path) -> None:
    process = python(tmp_path, STUBBORN, stop_timeout=0.2)
    process.start()
    process.stop()
    assert gone(process.pid)


def test_what_it_started_goes_with_it(tmp_path: Path) -> None:
    process = python(tmp_path, PARENT)
    process.start()
    child = int(process.log.read_text().split()[0])
    process.kill()
    assert eventually(lambda: gone(child))


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the next start clears up")
def test_it_ends_with_the_one_who_started_it(tmp_path: Path) -> None:
    code = (
        "import sys, os, time; from pathlib import Path; from devserver.process import Process\n"
        f"process = Process(name='probe', argv=[sys.executable, '-c', {READY!r}], log=Path({str(tmp_path / 'log')!r}),"
        " ready_check=lambda: process.log_contains('ready'), env=os.environ)\n"
        "process.start(); print(process.pid, flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert not gone(pid)
        parent.kill()
    assert eventually(lambda: gone(pid))


def test_a_later_process_of_the_same_id_is_left_alone(tmp_path: Path) -> None:
    process = python(tmp_path, READY)
    process.start()
    assert not stale_processes.end(process.pid, "another boot 17", signal.SIGTERM)
    assert process.running
    assert stale_processes.end(process.pid, stale_processes.identity(process.pid), signal.SIGTERM)
    assert process.ended


def test_the_pid_file_of_a_stranger_goes_and_the_stranger_stays(tmp_path: Path) -> None:
    process = python(tmp_path, READY)
    process.start()
    file = tmp_path / "postmaster.pid"
    file.write_text(f"{process.pid}\n/data\n")
    stale_processes.end_postmaster(file, mark="/tmp/pelcro-0123456789abcdef")
    assert not file.exists()
    assert process.running
    process.stop()


def test_a_folder_of_somebody_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(DevServerError, match="belongs to another user"):
        ensure_private(tmp_path / "link")
    assert oct(ensure_private(tmp_path / "elsewhere").stat().st_mode)[-3:] == "700"
