"""`manage.py setup`: what comes before the first start, and after each update. It may be run again at any time."""

from argparse import ArgumentParser
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.checks import ERROR, run_checks
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils.timezone import localtime

from backoffice.session_limits import limit_role
from ecommerce.management import services
from staff import first_superuser
from staff.first_superuser import Refused

LINK = "--print-invitation-link"


class Command(BaseCommand):
    help = (
        "Check the settings and that PostgreSQL, Redis and the storage of files answer, migrate the database, collect "
        "static files, and invite the first superuser. Changes nothing that is done already."
    )
    requires_system_checks = []  # the first step runs all of them, those for deployments, too

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--superuser", metavar="EMAIL", default="", help="who is invited as the first superuser")
        parser.add_argument(LINK, action="store_true", help="print the link of the invitation; only without EMAIL_URL")
        parser.add_argument("--skip-static", action="store_true", help="leave static files as they are, as in an image")

    def handle(self, *_args: Any, **options: Any) -> None:
        self.may_print, self.email = options["print_invitation_link"], options["superuser"].strip()
        self._refuse_options()
        steps: list[Callable[[], str]] = [check_settings, services.check_postgresql, services.check_redis]
        steps += [
            services.check_storage,
            limit_sessions,
            migrate,
            *([] if options["skip_static"] else [collect_static_files]),
        ]
        for step in [*steps, self.invite]:
            self.stdout.write(step())

    def _refuse_options(self) -> None:
        if self.may_print and not self.email:
            raise CommandError(f"{LINK} says of whom: add --superuser you@example.com.")
        if self.may_print and settings.MAIL_SERVER.name:
            raise CommandError(f"EMAIL_URL is set: the invitation goes by mail, and its link is shown to nobody else. "
                               f"Leave {LINK} out.")  # fmt: skip

    def invite(self) -> str:
        somebody = first_superuser.came()
        if not self.email:
            return f"Superuser: {somebody}." if somebody else "Superuser: none yet. Add --superuser you@example.com."
        until = first_superuser.invited_until(self.email)
        if until and not self.may_print:
            return f"Superuser: {self.email} was invited, and has until {localtime(until):%Y-%m-%d %H:%M %Z} to come."
        if not (self.may_print or settings.MAIL_SERVER.name or somebody):
            raise CommandError(
                "EMAIL_URL is not set: the invitation would arrive nowhere. Set it, or add "
                f"{LINK} and open the link yourself."
            )
        return self._invite()

    def _invite(self) -> str:
        try:
            link = first_superuser.invite_first(self.email)
        except Refused as refusal:
            raise CommandError(f"{refusal}") from refusal
        if self.may_print:
            return (
                f"Superuser: whoever opens this link first, within a week, sets the password of {self.email}:\n{link}"
            )
        return f"Superuser: an invitation is on its way to {self.email}, once a worker runs."


def check_settings() -> str:
    found = [each for each in run_checks(include_deployment_checks=True) if not each.is_silenced()]
    if wrong := [each for each in found if each.level >= ERROR]:
        raise CommandError("The settings are wrong:\n" + "\n".join(map(str, wrong)))
    return "\n".join(["Settings: nothing is wrong." if not found else "Settings, to look at:", *map(str, found)])


def limit_sessions() -> str:
    if settings.DATABASE_POOLER == "none":
        return "Sessions: limited by their own options."
    return limit_role()


def migrate() -> str:
    executor = MigrationExecutor(connection)
    waiting = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if not waiting:
        return "Database: migrated."
    services.check_may_create_tables()
    call_command("migrate", interactive=False, verbosity=0)
    return f"Database: {len(waiting)} migrations applied."


def collect_static_files() -> str:
    if not settings.STATIC_ROOT:
        return "Static files: STATIC_ROOT is not set, so web serves them from the packages, uncompressed."
    try:
        call_command("collectstatic", interactive=False, verbosity=0)
    except OSError as error:
        raise CommandError(
            f"STATIC_ROOT {settings.STATIC_ROOT} can't be written ({error.strerror}): make it a folder of this user's."
        ) from error
    return f"Static files: collected in {settings.STATIC_ROOT}."
