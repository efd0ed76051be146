"""One program that this project starts: until it answers, while it runs, until it is gone."""

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

Pause = Callable[[float], None]
TICK = 0.05  # seconds between two questions


class LocalError(Exception):
    """What went wrong and what to do, as a sentence for whoever typed the command."""


@dataclass(frozen=True)
class Account:
    """Whom a program runs as."""

    uid: int
    gid: int


def unprivileged() -> Account | None:
    """Give the account of PostgreSQL, which refuses to run as root; nothing where we are somebody else."""
    uid = os.geteuid()
    try:
        account = pwd.getpwnam("nobody") if uid == 0 else pwd.getpwuid(uid)
    except KeyError:
        who = f"user id {uid}" if uid else "`nobody`, and refuses to run as root"
        raise LocalError(
            f"PostgreSQL needs an account in /etc/passwd for {who}: add it, or set DATABASE_URL."
        ) from None
    return Account(account.pw_uid, account.pw_gid) if uid == 0 else None


@dataclass(kw_only=True, eq=False)
class Process:
    """A program in a session of its own (a terminal's Ctrl-C does not reach it), its output in a log."""

    name: str
    argv: Sequence[str]
    log: Path
    answers: Callable[[], bool]
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: Path = BASE_DIR
    account: Account | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    patience: float = 60
    grace: float = 15
    child: "subprocess.Popen[bytes] | None" = None

    @property
    def pid(self) -> int:
        """Give the id of the running program."""
        if self.child is None:
            raise LocalError(f"{self._called()} was not started.")
        return self.child.pid

    @property
    def running(self) -> bool:
        """Say whether the program was started and has not ended."""
        return self.child is not None and self.child.poll() is None

    @property
    def ended(self) -> bool:
        """Say whether the program was started and is gone."""
        return self.child is not None and self.child.poll() is not None

    def start(self, pause: Pause = time.sleep) -> None:
        """Start the program and come back once it answers."""
        self.spawn()
        self.wait(pause)

    def spawn(self) -> None:
        """Start the program and come back at once."""
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

    def wait(self, pause: Pause = time.sleep) -> None:
        """Come back once the program answers; it may neither end nor take too long."""
        deadline = time.monotonic() + self.patience
        while not self.answers():
            if not self.running:
                raise LocalError(self.obituary())
            if time.monotonic() > deadline:
                raise LocalError(f"{self._called()} does not answer within {self.patience:.0f} s. {self.last_words()}")
            pause(TICK)

    def must_have_worked(self) -> None:
        """Complain of a program that did its work and ended, unless it ended well."""
        if self.child is None or self.child.wait():
            raise LocalError(self.obituary())

    def ask_to_stop(self) -> None:
        """Send the signal that ends the program in its own way; come back at once."""
        if self.child is not None and self.running:
            self.child.send_signal(self.stop_signal)

    def stop(self) -> None:
        """End the program in its own way, or by force once its grace is over; come back when it is gone."""
        self.ask_to_stop()
        with contextlib.suppress(subprocess.TimeoutExpired):
            if self.child is not None:
                self.child.wait(self.grace)
        self.kill()

    def kill(self) -> None:
        """End the program and what it started by force; come back when it is gone."""
        if self.child is None:
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):  # macOS forbids it for a group of zombies
            os.killpg(self.child.pid, signal.SIGKILL)
        self.child.wait()

    def said(self, text: str) -> bool:
        """Say whether the program wrote this into its log."""
        return text in self.log.read_text(encoding="utf-8", errors="replace")

    def _called(self) -> str:
        return self.name[0].upper() + self.name[1:]

    def obituary(self) -> str:
        """Tell how the program ended, in its own last words."""
        status = self.child.returncode if self.child is not None else 0
        how = f"by {signal.Signals(-status).name}" if status < 0 else f"with status {status}"
        return f"{self._called()} ended {how}. {self.last_words()}"

    def last_words(self, lines: int = 15) -> str:
        """Quote the end of the log."""
        words = self.log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-lines:]
        return "\n    ".join([f"The end of {self.log}:", *(words or ["(empty)"])])
