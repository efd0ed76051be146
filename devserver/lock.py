"""One run a folder: the kernel lets go of the lock, however the run ends."""

import fcntl
import os
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from devserver import run_files
from devserver.process import LocalError

HELLO = 1.0  # seconds for a run to notice that the `make` above it was killed
GOODBYE = 90.0  # seconds for a run on its way out


class Lock:
    """Held from the first step to the last; names its holder for as long as that means to stay."""

    def __init__(self, var_dir: Path) -> None:
        self.var_dir = var_dir
        self.file = (var_dir / "lock").open("a+", encoding="ascii")

    def __enter__(self) -> Self:
        begun = time.monotonic()
        while not self._taken():
            waited = time.monotonic() - begun
            if waited > (HELLO if self._holder() else GOODBYE):
                raise LocalError(self._refusal())
            time.sleep(0.1)
        self.leaving()
        self.file.write(str(os.getpid()))
        self.file.flush()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.leaving()
        self.file.close()

    def leaving(self) -> None:
        """Let those who wait know that this folder will soon be free."""
        self.file.truncate(0)

    def _taken(self) -> bool:
        try:
            fcntl.flock(self.file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _holder(self) -> str:
        self.file.seek(0)
        return self.file.read().strip()

    def _refusal(self) -> str:
        running = run_files.read(self.var_dir / "run.json")
        where = f" and answers on {running['web']}" if running else ""
        return (
            f"Pelcro Orders already runs from {self.var_dir} (process {self._holder() or 'unknown'}){where}. "
            "Stop that one first, or give this one a VAR_DIR and a PORT of its own."
        )
