"""One run per VAR_DIR, held by a lock that the kernel releases however the run ends."""

import fcntl
import os
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from devserver import run_files
from devserver.process import DevServerError

TAKEOVER_SECONDS = 1.0  # for a run to notice that the `make` above it was killed
SHUTDOWN_SECONDS = 90.0  # for a run that is stopping


class RunLock:
    """The file holds the run's process id, and is empty while that run is stopping."""

    def __init__(self, var_dir: Path) -> None:
        self.var_dir = var_dir
        self.file = (var_dir / "lock").open("a+", encoding="ascii")

    def __enter__(self) -> Self:
        started = time.monotonic()
        while not self._acquire():
            waited = time.monotonic() - started
            if waited > (TAKEOVER_SECONDS if self._holder() else SHUTDOWN_SECONDS):
                raise DevServerError(self._already_running())
            time.sleep(0.1)
        self.clear_holder()
        self.file.write(str(os.getpid()))
        self.file.flush()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.clear_holder()
        self.file.close()

    def clear_holder(self) -> None:
        """Tell runs that wait for this folder that it will soon be free."""
        self.file.truncate(0)

    def _acquire(self) -> bool:
        try:
            fcntl.flock(self.file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _holder(self) -> str:
        self.file.seek(0)
        return self.file.read().strip()

    def _already_running(self) -> str:
        running = run_files.read_json(self.var_dir / "run.json")
        where = f" and answers on {running['web']}" if running else ""
        return (
            f"Pelcro Orders already runs from {self.var_dir} (process {self._holder() or 'unknown'}){where}. "
            "Stop that one first, or give this one a VAR_DIR and a PORT of its own."
        )
