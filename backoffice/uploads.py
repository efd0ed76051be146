"""Uploaded CSV files that wait for the preview of their import to be confirmed."""

from contextlib import suppress
from datetime import datetime, timedelta

from django.core.files.storage import Storage, storages

from backoffice.transactions import refuse_in_transaction

FOLDER = "imports"
MAX_AGE = timedelta(days=1)


def storage() -> Storage:
    refuse_in_transaction("The file storage")
    return storages["import_export"]


def remove_old(*, at: datetime) -> int:
    """Return how many were removed."""
    return sum(_remove_if_old(f"{FOLDER}/{name}", at - MAX_AGE) for name in _names())


def _names() -> list[str]:
    try:
        return list(storage().listdir(FOLDER)[1])
    except FileNotFoundError:  # nothing was ever uploaded
        return []


def _remove_if_old(path: str, before: datetime) -> bool:
    with suppress(FileNotFoundError):  # confirmed in this very moment
        if storage().get_modified_time(path) <= before:
            storage().delete(path)
            return True
    return False
