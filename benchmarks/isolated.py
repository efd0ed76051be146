"""Measuring in a process of its own: with other settings, and a memory that nothing else has filled.

The process prints "ready" once it has imported a module, reads the arguments of the module's `measure` as JSON from
its standard input, and prints the result as a line of JSON.
"""

import json
import os
import re
import resource
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any, Self

import django

from pelcro_orders.startup import collect_garbage_seldom

OURS, STOCK = "pelcro_orders.settings", "benchmarks.stock.settings"
PROCESS = Path("/proc/self")
MEGABYTE = 1 << 20


def measure_isolated(module: str, settings: str, **arguments: Any) -> Any:
    return IsolatedProcess(module, settings).start(**arguments).result()


class IsolatedProcess:
    """A process that has imported the module, so that `start` starts the work and nothing else."""

    def __init__(self, module: str, settings: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.isolated", module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "DJANGO_SETTINGS_MODULE": settings},
        )
        self._read_line()

    def start(self, **arguments: Any) -> Self:
        if self.process.stdin:
            json.dump(arguments, self.process.stdin)
            self.process.stdin.close()
        return self

    def result(self) -> Any:
        line = self._read_line()
        if self.process.wait():
            raise ChildProcessError(f"{self.process.args!r} ended with {self.process.returncode}.")
        return json.loads(line)

    def _read_line(self) -> str:
        line = self.process.stdout.readline() if self.process.stdout else ""
        if not line:
            raise ChildProcessError(f"{self.process.args!r} ended with {self.process.wait()}.")
        return line


class Memory:
    """The peak of this process's memory above what it has now."""

    def __init__(self) -> None:
        if PROCESS.exists():
            (PROCESS / "clear_refs").write_text("5", encoding="ascii")  # resets the peak, which was while importing
        self.before = _peak_bytes()

    @property
    def above_start(self) -> float:
        """In MB."""
        return (_peak_bytes() - self.before) / MEGABYTE


def _peak_bytes() -> int:
    if PROCESS.exists():
        # Not getrusage: on Linux its peak includes that of the process which started this one.
        found = re.search(r"VmHWM:\s+(\d+) kB", (PROCESS / "status").read_text(encoding="ascii"))
        return int(found[1]) * 1024 if found else 0
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def main() -> None:
    django.setup()
    measure = import_module(sys.argv[1]).measure
    if os.environ["DJANGO_SETTINGS_MODULE"] == OURS:
        collect_garbage_seldom()  # as our server and workers do first
    print("ready", flush=True)
    print(json.dumps(measure(**json.load(sys.stdin))))


if __name__ == "__main__":
    main()
