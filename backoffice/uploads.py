"""Files that were uploaded to be imported, and wait for somebody to confirm what the preview showed."""

from contextlib import suppress
from datetime import datetime, timedelta

from django.core.files.storage import Storage, storages

FOLDER = "imports"
KEPT = timedelta(days=1)


def storage() -> Storage:
    """Give where they wait: django-import-export looks for this name."""
    return storages["import_export"]


def remove_old(*, at: datetime) -> int:
    """Remove those that nobody confirmed for a day; give how many."""
    return sum(_remove_if_old(f"{FOLDER}/{name}", at - KEPT) for name in _names())


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
