"""Django's `migrate`, beside programs that are at work."""

from typing import Any

from django.core.management.commands import migrate
from django.db import connections

from backoffice.lock_waits import LockWaits


class Command(migrate.Command):
    def handle(self, *args: Any, **options: Any) -> None:
        waits = LockWaits(connections[options["database"]], say=self.stdout.write)
        waits.run(lambda: super(Command, self).handle(*args, **options))
