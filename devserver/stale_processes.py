"""What a killed run left behind: found by who it is, never by its name, and ended."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

BOOT = Path("/proc/sys/kernel/random/boot_id")


def identity(pid: int) -> str:
    """Tell one process from a later one with the same id; empty for one that is gone."""
    if sys.platform == "linux":
        return _identity_on_linux(pid)
    return _asked_ps("lstart=", pid)


def _identity_on_linux(pid: int) -> str:
    try:
        # The name in brackets may hold anything; behind it stand the state and, as 20th, the time of the start.
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] == "Z" else f"{BOOT.read_text(encoding='ascii').strip()} {fields[19]}"


def command_line(pid: int) -> str:
    """Give what a process was started with; empty for one that is gone."""
    if sys.platform != "linux":
        return _asked_ps("args=", pid)
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


def _asked_ps(column: str, pid: int) -> str:
    found = subprocess.run(["/bin/ps", "-o", column, "-p", str(pid)], check=False, capture_output=True, text=True)
    return found.stdout.strip()


def end(pid: int, known: str, ask: signal.Signals, grace: float = 30) -> bool:
    """End a process in its own way, or by force; say whether it was still there."""
    if not known or identity(pid) != known:
        return False
    for number, seconds in ((ask, grace), (signal.SIGKILL, 5.0)):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
        deadline = time.monotonic() + seconds
        while identity(pid) == known:
            if time.monotonic() > deadline:
                break
            time.sleep(0.05)
        else:
            break
    return True


def end_postmaster(file: Path, mark: str) -> None:
    """End the PostgreSQL that a `postmaster.pid` names if it is ours; the file of one that is gone is taken away.

    PostgreSQL itself takes *any* process of that id for a running server, and refuses to start.
    """
    if not file.is_file():
        return
    first = file.read_text(encoding="utf-8", errors="replace").partition("\n")[0]
    if first.strip().isdigit() and mark in command_line(int(first)):
        end(int(first), identity(int(first)), signal.SIGINT)
    file.unlink(missing_ok=True)
