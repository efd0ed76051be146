"""`manage.py role_timeouts`: the limits of sessions, as settings of the role, for where a pooler takes no options."""

from typing import Any

from django.core.management.base import BaseCommand

from backoffice.session_limits import limit_role


class Command(BaseCommand):
    help = "Have the sessions of DATABASE_URL's role begin with the time-outs that a pooler can't be told."

    def handle(self, *_args: Any, **_options: Any) -> None:
        self.stdout.write(limit_role())
