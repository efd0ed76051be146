"""A child process: start it, wait until it is ready, stop it, report how it ended."""

import contextlib
import os
import pwd
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from devserver import exec_with_parent
from pelcro_orders.config import BASE_DIR

Sleep = Callable[[float], None]
POLL_SECONDS = 0.05


class DevServerError(Exception):
    """What went wrong and what to do about it, as one sentence for the terminal."""


@dataclass(frozen=True)
class Account:
    uid: int
    gid: int


def unprivileged_account() -> Account | None:
    """The account for PostgreSQL, which refuses to run as root; None where this process is not root."""
    uid = os.geteuid()
    try:
        account = pwd.getpwnam("nobody") if uid == 0 else pwd.getpwuid(uid)
    except KeyError:
        who = f"user id {uid}" if uid else "`nobody`, and refuses to run as root"
        raise DevServerError(
            f"PostgreSQL needs an account in /etc/passwd for {who}: add it, or set DATABASE_URL."
        ) from None
    return Account(account.pw_uid, account.pw_gid) if uid == 0 else None


@dataclass(kw_only=True, eq=False)
class Process:
    """A program in a session of its own (a terminal's Ctrl-C does not reach it), its output in a log."""

    name: str
    argv: Sequence[str]
    log: Path
    ready_check: Callable[[], bool]
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: Path = BASE_DIR
    account: Account | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    start_timeout: float = 60
    stop_timeout: float = 15
    child: "subprocess.Popen[bytes] | None" = None

    @property
    def pid(self) -> int:
        if self.child is None:
            raise DevServerError(f"{self._title()} was not started.")
        return self.child.pid

    @property
    def running(self) -> bool:
        return self.child is not None and self.child.poll() is None

    @property
    def ended(self) -> bool:
        return self.child is not None and self.child.poll() is not None

    def start(self, sleep: Sleep = time.sleep) -> None:
        self.spawn()
        self.wait(sleep)

    def spawn(self) -> None:
        self.log.parent.mkdir(parents=True, exist_ok=True)
        if self.log.exists():
            self.log.replace(self.log.with_suffix(".log.1"))
        with self.log.open("wb") as log:
            self.child = subprocess.Popen(
                [*self._launcher(), *self.argv],
                env=dict(self.env),
                cwd=self.cwd,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def _launcher(self) -> list[str]:
        account = self.account or Account(-1, -1)
        numbers = (os.getpid(), int(self.stop_signal), account.uid, account.gid)
        return [sys.executable, "-I", "-S", exec_with_parent.__file__, *map(str, numbers)]

    def wait(self, sleep: Sleep = time.sleep) -> None:
        deadline = time.monotonic() + self.start_timeout
        while not self.ready_check():
            if not self.running:
                raise DevServerError(self.exit_report())
            if time.monotonic() > deadline:
                raise DevServerError(
                    f"{self._title()} does not answer within {self.start_timeout:.0f} s. {self.log_tail()}"
                )
            sleep(POLL_SECONDS)

    def check_succeeded(self) -> None:
        if self.child is None or self.child.wait():
            raise DevServerError(self.exit_report())

    def send_stop_signal(self) -> None:
        if self.child is not None and self.running:
            self.child.send_signal(self.stop_signal)

    def stop(self) -> None:
        """Send the stop signal, and kill after `stop_timeout`; return once the program is gone."""
        self.send_stop_signal()
        with contextlib.suppress(subprocess.TimeoutExpired):
            if self.child is not None:
                self.child.wait(self.stop_timeout)
        self.kill()

    def kill(self) -> None:
        """Kill the program and its children; return once it is gone."""
        if self.child is None:
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):  # macOS forbids it for a group of zombies
            os.killpg(self.child.pid, signal.SIGKILL)
        self.child.wait()

    def log_contains(self, text: str) -> bool:
        return text in self.log.read_text(encoding="utf-8", errors="replace")

    def _title(self) -> str:
        return self.name[0].upper() + self.name[1:]

    def exit_report(self) -> str:
        status = self.child.returncode if self.child is not None else 0
        how = f"by {signal.Signals(-status).name}" if status < 0 else f"with status {status}"
        return f"{self._title()} ended {how}. {self.log_tail()}"

    def log_tail(self, lines: int = 15) -> str:
        tail = self.log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-lines:]
        return "\n    ".join([f"The end of {self.log}:", *(tail or ["(empty)"])])
