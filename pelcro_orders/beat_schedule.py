"""Beat's schedule. Its intervals are measured by the monotonic clock: a clock that is set back delays no sweep."""

import time
from datetime import datetime
from typing import Any

from celery.schedules import crontab, schedstate, schedule


class Every(schedule):
    """Celery's interval, which itself compares times of the machine's clock."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._last_run_at: datetime | None = None
        self._due_at = 0.0

    def is_due(self, last_run_at: datetime) -> schedstate:
        if last_run_at != self._last_run_at:
            wait = self._first_wait(last_run_at) if self._last_run_at is None else self.seconds
            self._last_run_at, self._due_at = last_run_at, time.monotonic() + wait
        left = self._due_at - time.monotonic()
        return schedstate(is_due=left <= 0, next=self.seconds if left <= 0 else left)

    def _first_wait(self, last_run_at: datetime) -> float:
        # Of the run before beat was started only the time is known.
        is_due, wait = super().is_due(last_run_at)
        return 0.0 if is_due else min(wait, self.seconds)


# No `expires`: it is a time of beat's clock, compared with that of the worker's machine.
CELERY_BEAT_SCHEDULE = {
    "reconcile": {"task": "billing.reconcile_nightly", "schedule": crontab(hour="3", minute="17")},
    "sweep": {"task": "ecommerce.sweep", "schedule": Every(15.0)},
    "remove-old": {"task": "ecommerce.remove_old", "schedule": crontab(hour="2", minute="41")},
    "send-webhooks": {"task": "ecommerce.send_webhooks", "schedule": Every(60.0)},
    "remove-old-exports": {"task": "ecommerce.remove_old_exports", "schedule": Every(3600.0)},
}
