"""Finds the processes that a killed run left behind, by identity and never by name, and ends them."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

BOOT = Path("/proc/sys/kernel/random/boot_id")


def identity(pid: int) -> str:
    """What tells a process from a later one with the same id; empty for one that is gone."""
    if sys.platform == "linux":
        return _identity_on_linux(pid)
    return _ps("lstart=", pid)


def _identity_on_linux(pid: int) -> str:
    try:
        # The name in brackets may hold anything; after it come the state and, as the 20th field, the start time.
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] == "Z" else f"{BOOT.read_text(encoding='ascii').strip()} {fields[19]}"


def command_line(pid: int) -> str:
    if sys.platform != "linux":
        return _ps("args=", pid)
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


def _ps(column: str, pid: int) -> str:
    found = subprocess.run(["/bin/ps", "-o", column, "-p", str(pid)], check=False, capture_output=True, text=True)
    return found.stdout.strip()


def end(pid: int, expected: str, stop_signal: signal.Signals, stop_timeout: float = 30) -> bool:
    """Stop or kill a process if its identity is the expected one; return whether it was there."""
    if not expected or identity(pid) != expected:
        return False
    for number, seconds in ((stop_signal, stop_timeout), (signal.SIGKILL, 5.0)):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
        deadline = time.monotonic() + seconds
        while identity(pid) == expected:
            if time.monotonic() > deadline:
                break
            time.sleep(0.05)
        else:
            break
    return True


def end_postmaster(file: Path, mark: str) -> None:
    """End the PostgreSQL of a `postmaster.pid` if its command line holds `mark`, and remove the file.

    PostgreSQL takes *any* process with that id for a running server, and refuses to start.
    """
    if not file.is_file():
        return
    first = file.read_text(encoding="utf-8", errors="replace").partition("\n")[0]
    if first.strip().isdigit() and mark in command_line(int(first)):
        end(int(first), identity(int(first)), signal.SIGINT)
    file.unlink(missing_ok=True)
