"""Beat's scheduler, for a clock that jumps; and beat's heartbeat."""

import os
import platform
import time
from pathlib import Path
from typing import Any

from celery.beat import PersistentScheduler
from django.conf import settings

from backoffice import heartbeats


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

    def setup_schedule(self) -> None:
        Path(self.schedule_filename).parent.mkdir(parents=True, exist_ok=True)
        super().setup_schedule()

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
