"""`manage.py reconcile`: compare our payments and refunds with Stripe's."""

import argparse
import math
import time
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime

from billing.models import Reconciliation
from billing.reconciliation import records
from billing.reconciliation import run as reconciliation_run

ATTEMPTS, PATIENCE = 5, 3
NOT_FINISHED = 2


def moment(text: str) -> datetime:
    """Read a date or a time as ISO 8601 writes it; without a zone it is in TIME_ZONE."""
    try:
        day = parse_date(text)
        found = datetime(day.year, day.month, day.day) if day else parse_datetime(text)  # noqa: DTZ001 - made aware below
    except ValueError:
        found = None
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no date: write 2026-11-28 or 2026-11-28T03:00.")
    return found if timezone.is_aware(found) else timezone.make_aware(found)


def run_to_the_end(run: Reconciliation) -> Reconciliation:
    """Work on a pass until it is finished. Raise CommandError with NOT_FINISHED."""
    for _attempt in range(ATTEMPTS):
        reconciliation_run.run_pass(reconciliation_id=run.pk, until=math.inf)
        run.refresh_from_db()
        if run.finished_at:
            return run
        Reconciliation.objects.filter(pk=run.pk, error__gt="").update(next_attempt_at=Now())
        time.sleep(PATIENCE)
    reason = run.error or "somebody else works on it"
    raise CommandError(f"Not finished: {reason} The next call goes on from here.", returncode=NOT_FINISHED)


class Command(BaseCommand):
    help = (
        "Compare our payments and refunds with Stripe's, and our own books with each other; settle what is safe, and "
        "print the differences that nobody has ended. Exits 1 if there are any, 2 if Stripe could not be asked."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            "--since", type=moment, help="compare only what was created at Stripe since, and what is still open"
        )

    def handle(self, *_args: Any, since: datetime | None = None, **_options: Any) -> None:
        self._report(run_to_the_end(reconciliation_run.start(since=since)))

    def _report(self, run: Reconciliation) -> None:
        count = 0
        for difference in records.open_differences().iterator():
            self.stdout.write(f"{difference.kind}: {difference.sentence}")
            count += 1
        foreign = f"{run.not_ours} not ours, " if run.not_ours else ""
        self.stdout.write(f"{run.compared} compared, {run.settled} settled, {foreign}{count} differ.")
        if count:
            raise CommandError("Our books and Stripe's differ.", returncode=1)
