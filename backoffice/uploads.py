"""Uploaded files, and the plans of imports, that wait in the file storage until they are confirmed."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from django.core.files.base import ContentFile
from django.core.files.storage import Storage, storages

from backoffice import database_clock
from backoffice.transactions import refuse_in_transaction

FOLDER = "imports"


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


def old(age: timedelta, *, in_use: Callable[[str], bool]) -> Iterator[str]:
    """Return the names of what is so old, and that nobody is at work with by its token."""
    before = database_clock.now() - age
    return (name for name in _names() if _is_old(f"{FOLDER}/{name}", before) and not in_use(name.partition(".")[0]))


def remove_old(age: timedelta, *, in_use: Callable[[str], bool]) -> Iterator[int]:
    """Remove that, file by file; yield how many."""
    for name in old(age, in_use=in_use):
        delete(name)
        yield 1


def _names() -> list[str]:
    try:
        return list(storage().listdir(FOLDER)[1])
    except FileNotFoundError:  # nothing was ever uploaded
        return []


def _is_old(path: str, before: datetime) -> bool:
    try:
        return bool(storage().get_modified_time(path) <= before)
    except FileNotFoundError:  # confirmed in this very moment
        return False


def format_size(size: int) -> str:
    kilobytes = -(-size // 1000)
    return f"{kilobytes / 1000:.1f} MB" if kilobytes >= 1000 else f"{kilobytes} kB"  # noqa: PLR2004 - of one
