"""Measuring in a fresh process: with settings of its own, and a memory that nothing else has filled.

It says "ready" once it has imported what it needs, is told what to measure as JSON, and answers with a line of JSON.
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

OURS, STOCK = "pelcro_orders.settings", "benchmarks.stock.settings"
PROCESS = Path("/proc/self")
MEGABYTE = 1 << 20


def ask(module: str, settings: str, **told: Any) -> Any:
    """Call a module's `measure` in a process of its own and give its answer."""
    return Child(module, settings).begin(**told).answer()


class Child:
    """A process that has imported all it needs, and waits for the word."""

    def __init__(self, module: str, settings: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.child", module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "DJANGO_SETTINGS_MODULE": settings},
        )
        self._line()

    def begin(self, **told: Any) -> Self:
        """Give the word."""
        if self.process.stdin:
            json.dump(told, self.process.stdin)
            self.process.stdin.close()
        return self

    def answer(self) -> Any:
        """Wait for what it has measured."""
        answer = self._line()
        if self.process.wait():
            raise ChildProcessError(f"{self.process.args!r} ended with {self.process.returncode}.")
        return json.loads(answer)

    def _line(self) -> str:
        line = self.process.stdout.readline() if self.process.stdout else ""
        if not line:
            raise ChildProcessError(f"{self.process.args!r} ended with {self.process.wait()}.")
        return line


class Memory:
    """How much memory this process takes at most above what it takes now."""

    def __init__(self) -> None:
        if PROCESS.exists():
            (PROCESS / "clear_refs").write_text("5", encoding="ascii")  # forget the peak that importing was
        self.before = _peak()

    @property
    def above(self) -> float:
        """Give the peak since then, in MB above the start."""
        return (_peak() - self.before) / MEGABYTE


def _peak() -> int:
    """Give the most memory that this process had, in bytes."""
    if PROCESS.exists():
        # Not getrusage: on Linux a new program inherits there what the one that started it had.
        found = re.search(r"VmHWM:\s+(\d+) kB", (PROCESS / "status").read_text(encoding="ascii"))
        return int(found[1]) * 1024 if found else 0
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def main() -> None:
    """Do as asked."""
    django.setup()
    measure = import_module(sys.argv[1]).measure
    print("ready", flush=True)
    print(json.dumps(measure(**json.load(sys.stdin))))


if __name__ == "__main__":
    main()
