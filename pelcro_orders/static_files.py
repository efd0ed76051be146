"""The storage of static files where there is no STATIC_ROOT."""

from os import PathLike
from typing import NoReturn

from django.contrib.staticfiles.storage import StaticFilesStorage
from django.core.management.base import CommandError


class ServedFromTheApps(StaticFilesStorage):
    def path(self, name: str | PathLike[str]) -> NoReturn:  # noqa: ARG002 - Django's signature
        # Only collectstatic asks for it.
        raise CommandError(
            "STATIC_ROOT is not set: set it to the folder to collect static files in, for example "
            "/var/lib/pelcro-orders/static, also for web. Without it, web serves them from the packages, uncompressed."
        )
