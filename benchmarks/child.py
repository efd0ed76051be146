"""Measuring in a fresh process: with settings of its own, and a memory that nothing else has filled.

python -m benchmarks.child benchmarks.pages < arguments.json > answer.json
"""

import json
import os
import re
import resource
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import django

OURS, STOCK = "pelcro_orders.settings", "benchmarks.stock.settings"
PROCESS = Path("/proc/self")
MEGABYTE = 1 << 20


def ask(module: str, settings: str, **told: Any) -> Any:
    """Call a module's `measure` in a process of its own and give its answer."""
    child = subprocess.run(
        [sys.executable, "-m", "benchmarks.child", module],
        check=True,
        input=json.dumps(told).encode(),
        stdout=subprocess.PIPE,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": settings},
    )
    return json.loads(child.stdout)


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
    answer = import_module(sys.argv[1]).measure(**json.load(sys.stdin))
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main()
