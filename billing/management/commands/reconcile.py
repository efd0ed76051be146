"""`manage.py reconcile`: compare our payments and refunds with Stripe's."""

import math
import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db.models.functions import Now

from billing.models import Reconciliation
from billing.reconciliation import run as reconciliation_run

ATTEMPTS, PATIENCE = 5, 3
NOT_FINISHED = 2


class Command(BaseCommand):
    help = (
        "Compare our payments and refunds with Stripe's, settle what is safe, and print what differs. Exits 1 if any."
    )

    def handle(self, *_args: Any, **_options: Any) -> None:
        run = reconciliation_run.start()
        for _attempt in range(ATTEMPTS):
            reconciliation_run.run_pass(reconciliation_id=run.pk, until=math.inf)
            run.refresh_from_db()
            if run.finished_at:
                break
            Reconciliation.objects.filter(pk=run.pk, error__gt="").update(next_attempt_at=Now())
            time.sleep(PATIENCE)
        else:
            reason = run.error or "somebody else works on it"
            raise CommandError(f"Not finished: {reason} The next call goes on from here.", returncode=NOT_FINISHED)
        self._report(run)

    def _report(self, run: Reconciliation) -> None:
        count = 0
        for difference in reconciliation_run.open_differences():
            self.stdout.write(f"{difference.kind}: {difference.sentence}")
            count += 1
        self.stdout.write(f"{run.compared} compared, {run.settled} settled, {count} differ.")
        if count:
            raise CommandError("Our books and Stripe's differ.", returncode=1)
