"""Django's `migrate`, beside programs that are at work."""

from typing import Any

from django.core.management.commands import migrate
from django.db import connections

from backoffice.lock_waits import LockWaits

POOLED = (
    "Through a pooler an index that takes longer to build than the role's statement_timeout is cut off: run this with "
    "DATABASE_POOLER=none and the address of PostgreSQL itself."
)


class Command(migrate.Command):
    def handle(self, *args: Any, **options: Any) -> None:
        waits = LockWaits(connections[options["database"]], say=self.stdout.write)
        if waits.is_pooled and options["verbosity"]:
            self.stdout.write(self.style.WARNING(POOLED))
        waits.run(lambda: super(Command, self).handle(*args, **options))
