"""Beat's scheduler, for a clock that jumps; and beat's heartbeat."""

import logging
import os
import pickle
import platform
import time
from collections import UserDict
from pathlib import Path
from typing import Any

from celery.beat import PersistentScheduler
from django.conf import settings

from backoffice import heartbeats

logger = logging.getLogger(__name__)


class ScheduleFile(UserDict[str, Any]):
    """When beat last did what.

    Not Celery's shelf: where that is a Berkeley DB, a full disk has beat wait for ever, and so does what it left behind
    once there is room again.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        super().__init__(pickle.loads(path.read_bytes()) if path.exists() else {})  # noqa: S301 - written below

    def sync(self) -> None:
        """Write it down; where the disk takes nothing, beat goes on without."""
        written = self.path.with_suffix(".new")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            written.write_bytes(pickle.dumps(self.data))
            written.replace(self.path)
        except OSError as error:
            logger.warning("Beat goes on, and will not know after a restart when it last did what: %s", error)

    close = sync


class MonotonicScheduler(PersistentScheduler):
    """Orders its tasks anew in each tick: Celery keeps them sorted by times of a clock that may jump meanwhile."""

    schedule_filename: str

    def __init__(self, *args: Any, **options: Any) -> None:
        host = platform.node()
        self._program = heartbeats.Program(
            kind=heartbeats.Kind.BEAT, name=f"beat@{host}", host=host, pid=os.getpid(), release=settings.RELEASE
        )
        self._beat_at = 0.0  # of the monotonic clock
        super().__init__(*args, **options)

    def _open_schedule(self) -> ScheduleFile:
        return ScheduleFile(Path(self.schedule_filename))

    def tick(self, *args: Any, **options: Any) -> float:
        self._heap = None
        wait = float(super().tick(*args, **options))
        if time.monotonic() >= self._beat_at:
            heartbeats.beat(self._program)
            self._beat_at = time.monotonic() + heartbeats.SECONDS
        return min(wait, heartbeats.SECONDS)

    def close(self) -> None:
        super().close()
        heartbeats.forget(self._program)
