"""Uploaded files, and the plans of imports, that wait in the file storage until they are confirmed."""

from contextlib import suppress
from datetime import datetime, timedelta

from django.core.files.base import ContentFile
from django.core.files.storage import Storage, storages

from backoffice.transactions import refuse_in_transaction

FOLDER = "imports"
MAX_AGE = timedelta(days=1)


def storage() -> Storage:
    refuse_in_transaction("The file storage")
    return storages["import_export"]


def save(name: str, data: bytes) -> None:
    storage().save(f"{FOLDER}/{name}", ContentFile(data))


def read(name: str) -> bytes:
    """Raise FileNotFoundError where it was removed."""
    with storage().open(f"{FOLDER}/{name}") as file:
        return bytes(file.read())


def delete(name: str) -> None:
    storage().delete(f"{FOLDER}/{name}")


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


def format_size(size: int) -> str:
    kilobytes = -(-size // 1000)
    return f"{kilobytes / 1000:.1f} MB" if kilobytes >= 1000 else f"{kilobytes} kB"  # noqa: PLR2004 - of one
