"""Beat's scheduler, for a clock that jumps."""

from typing import Any

from celery.beat import PersistentScheduler


class MonotonicScheduler(PersistentScheduler):
    """Orders its tasks anew in each tick: Celery keeps them sorted by times of a clock that may jump meanwhile."""

    def tick(self, *args: Any, **options: Any) -> float:
        self._heap = None
        return float(super().tick(*args, **options))
