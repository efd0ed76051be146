"""Starts programs in order, watches over them, and ends them in the reverse order, whatever happens."""

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from devserver import run_files, stale_processes
from devserver.process import LocalError, Process


class Stopped(Exception):
    """Somebody asked us to stop."""


class Supervisor:
    """Keeps the programs of one run.

    A signal is only noted, and found between two steps: it can neither fall between a program's start and our knowing
    of it, nor, sent twice, cut the end short.
    """

    def __init__(self, var_dir: Path, leaving: Callable[[], None]) -> None:
        self.run, self.file = var_dir / "run.json", var_dir / "processes.json"
        self.servers: list[Process] = []
        self.clients: list[Process] = []
        self.first_acts, self.last_acts = [leaving], list[Callable[[], None]]()
        self.parent = os.getppid() if "MAKELEVEL" in os.environ else 0
        self.asked = False
        self.noted: dict[str, int] = {}

    def __enter__(self) -> Self:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:  # as nohup wants it
                signal.signal(number, lambda *_: self.ask())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        self.stop()
        return isinstance(error, Stopped)

    def ask(self) -> None:
        """Ask for the end."""
        self.asked = True

    def tell(self, text: str) -> None:
        """Print at once; once the reader is gone, to nobody, and end."""
        try:
            sys.stdout.write(f"{text}\n")
            sys.stdout.flush()
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            self.ask()

    def say(self, subject: str, does: str) -> None:
        """Tell one step."""
        self.tell(f"  {subject:<15} {does}")

    def at_end(self, act: Callable[[], None]) -> None:
        """Keep an act for when all has ended."""
        self.last_acts.append(act)

    def clear_up(self) -> None:
        """End what a killed run left, clients first."""
        self.run.unlink(missing_ok=True)
        for name, (pid, known, number) in reversed(run_files.read(self.file).items()):
            if stale_processes.end(pid, known, signal.Signals(number)):
                self.say(name, f"was left behind by a killed run: ended process {pid}")
        self.file.unlink(missing_ok=True)

    def serve(self, server: Process, does: str) -> None:
        """Start a server, wait until it answers, and say so."""
        self.servers.append(server)
        server.start(self.pause)
        self.say(server.name, does)

    def start(self, clients: dict[str, Process]) -> None:
        """Start programs that need the servers all at once, wait until each answers, and say what it does."""
        for client in clients.values():
            self.clients.append(client)
            client.spawn()
        for does, client in clients.items():
            client.wait(self.pause)
            self.say(client.name, does)

    def finish(self, command: Process) -> None:
        """Run a command to its end."""
        self.clients.append(command)
        command.spawn()
        while command.running:
            self.pause(0.05, beside=command)
        self.clients.remove(command)
        command.must_have_worked()

    def watch(self) -> None:
        """Stay until something ends."""
        while True:
            self.pause(0.2)

    def pause(self, seconds: float, beside: Process | None = None) -> None:
        """Sleep, and leave by an exception where somebody asked for it, or a program has ended by itself."""
        self._note()
        time.sleep(seconds)
        if self.asked or (self.parent and os.getppid() != self.parent):
            raise Stopped
        for process in (*self.servers, *self.clients):
            if process is not beside and process.ended:
                raise LocalError(process.obituary())

    def pids(self) -> dict[str, int]:
        """Give the programs that run now, by name."""
        return {process.log.stem: process.pid for process in (*self.servers, *self.clients) if process.running}

    def _note(self) -> None:
        pids = self.pids()
        if pids != self.noted:
            self.noted = pids
            ends = {process.log.stem: process.stop_signal for process in (*self.servers, *self.clients)}
            run_files.write(
                self.file, {name: (pid, stale_processes.identity(pid), ends[name]) for name, pid in pids.items()}
            )

    def stop(self) -> None:
        """End all, servers last: PostgreSQL waits for its clients."""
        for act in self.first_acts:
            act()
        self.run.unlink(missing_ok=True)
        if self.servers or self.clients:
            self.at_end(lambda: self.tell("  Stopped"))
            self.tell("  Stopping")
        for client in self.clients:
            client.ask_to_stop()
        for process in (*self.clients, *reversed(self.servers)):
            process.stop()
        self.file.unlink(missing_ok=True)
        for act in self.last_acts:
            act()
