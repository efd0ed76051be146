"""`manage.py remove_old`: say what retention would remove, and with `--now` remove it."""

import math
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from backoffice.models import RetentionRun
from backoffice.retention import Rule, named, remove_old
from ecommerce.retention.table import RULES


class Command(BaseCommand):
    help = (
        "Say how much is older than the settings of retention keep it (docs/operating.md), without removing anything; "
        "with --now, remove it, as beat does once a night."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        how = parser.add_mutually_exclusive_group()
        how.add_argument("--dry-run", action="store_true", help="only count, which is the default")
        how.add_argument("--now", action="store_true", help="remove it now")
        parser.add_argument("--kind", action="append", choices=[rule.kind for rule in RULES], help="this kind alone")

    def handle(self, *_args: Any, **options: Any) -> None:
        rules = named(RULES, options["kind"]) if options["kind"] else list(RULES)
        if not options["now"]:
            for rule in rules:
                self._say(rule, rule.expected())
            self.stdout.write("Nothing was removed. To remove it: manage.py remove_old --now")
            return
        for rule in rules:
            remove_old([rule], until=math.inf)
            run = RetentionRun.objects.filter(kind=rule.kind).first()
            self._say(rule, run.removed if run else 0, f" in {run.milliseconds / 1000:.1f} s" if run else "")
        failed = RetentionRun.objects.filter(kind__in=[rule.kind for rule in rules]).exclude(error="")
        if failed:
            named_ones = ", ".join(f"{run.kind} ({run.error})" for run in failed)
            raise CommandError(f"Not all of it could be removed: {named_ones}. The log says why.")

    def _say(self, rule: Rule, count: int, took: str = "") -> None:
        number = getattr(settings, rule.setting)
        kept = f"{rule.setting}={number}" if number else f"{rule.setting}=0: kept"
        self.stdout.write(f"{count:>12,}  {rule.kind:<20} {rule.what} ({kept}){took}")
