"""Starts programs in order, watches them, and stops them in the reverse order, whatever happens."""

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from devserver import run_files, stale_processes
from devserver.process import DevServerError, Process


class StopRequested(Exception):
    """A signal asked this run to stop, or the `make` above it is gone."""


class Supervisor:
    """The servers and clients of one run.

    A signal handler only sets a flag, which `sleep` checks: a signal can neither come between a program's start and
    its registration here, nor, sent twice, cut the shutdown short.
    """

    def __init__(self, var_dir: Path, clear_holder: Callable[[], None]) -> None:
        self.run_file, self.processes_file = var_dir / "run.json", var_dir / "processes.json"
        self.servers: list[Process] = []
        self.clients: list[Process] = []
        self.before_stop, self.after_stop = [clear_holder], list[Callable[[], None]]()
        self.parent = os.getppid() if "MAKELEVEL" in os.environ else 0
        self.stop_requested = False
        self.recorded: dict[str, int] = {}

    def __enter__(self) -> Self:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:  # as nohup wants it
                signal.signal(number, lambda *_: self.request_stop())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        self.stop()
        return isinstance(error, StopRequested)

    def request_stop(self) -> None:
        self.stop_requested = True

    def print_line(self, text: str) -> None:
        """Print at once; stop where the reader of standard output is gone."""
        try:
            sys.stdout.write(f"{text}\n")
            sys.stdout.flush()
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            self.request_stop()

    def report(self, subject: str, status: str) -> None:
        self.print_line(f"  {subject:<15} {status}")

    def add_cleanup(self, function: Callable[[], None]) -> None:
        self.after_stop.append(function)

    def end_stale_processes(self) -> None:
        self.run_file.unlink(missing_ok=True)
        for name, (pid, expected, stop_signal) in reversed(run_files.read_json(self.processes_file).items()):
            if stale_processes.end(pid, expected, signal.Signals(stop_signal)):
                self.report(name, f"was left behind by a killed run: ended process {pid}")
        self.processes_file.unlink(missing_ok=True)

    def start_server(self, server: Process, status: str) -> None:
        self.servers.append(server)
        server.start(self.sleep)
        self.report(server.name, status)

    def start_clients(self, clients: dict[str, Process]) -> None:
        for client in clients.values():
            self.clients.append(client)
            client.spawn()
        for status, client in clients.items():
            client.wait(self.sleep)
            self.report(client.name, status)

    def run_command(self, command: Process) -> None:
        self.clients.append(command)
        command.spawn()
        while command.running:
            self.sleep(0.05, beside=command)
        self.clients.remove(command)
        command.check_succeeded()

    def watch(self) -> None:
        while True:
            self.sleep(0.2)

    def sleep(self, seconds: float, beside: Process | None = None) -> None:
        """Sleep; raise StopRequested, or DevServerError where a program other than `beside` has ended."""
        self._record_pids()
        time.sleep(seconds)
        if self.stop_requested or (self.parent and os.getppid() != self.parent):
            raise StopRequested
        for process in (*self.servers, *self.clients):
            if process is not beside and process.ended:
                raise DevServerError(process.exit_report())

    def pids(self) -> dict[str, int]:
        return {process.log.stem: process.pid for process in (*self.servers, *self.clients) if process.running}

    def _record_pids(self) -> None:
        pids = self.pids()
        if pids != self.recorded:
            self.recorded = pids
            signals = {process.log.stem: process.stop_signal for process in (*self.servers, *self.clients)}
            records = {name: (pid, stale_processes.identity(pid), signals[name]) for name, pid in pids.items()}
            run_files.write_json(self.processes_file, records)

    def stop(self) -> None:
        # Servers last: PostgreSQL waits for its clients.
        for function in self.before_stop:
            function()
        self.run_file.unlink(missing_ok=True)
        if self.servers or self.clients:
            self.add_cleanup(lambda: self.print_line("  Stopped"))
            self.print_line("  Stopping")
        for client in self.clients:
            client.send_stop_signal()
        for process in (*self.clients, *reversed(self.servers)):
            process.stop()
        self.processes_file.unlink(missing_ok=True)
        for function in self.after_stop:
            function()
