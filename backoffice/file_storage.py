"""Where the files of orders and documents are kept, and a stream of blocks as Django's storages read it."""

import logging
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from django.core.files.base import File
from django.core.files.storage import Storage, storages
from django.utils.translation import gettext as _

from backoffice.transactions import refuse_in_transaction

logger = logging.getLogger(__name__)


class StorageUnavailable(Exception):
    """The storage does not answer, or refuses us; the text is a sentence for the user."""


def storage() -> Storage:
    refuse_in_transaction("The file storage")
    return storages["exports"]


def open_file(name: str) -> "File[Any] | None":
    """Open a file; None if it is gone. Raise StorageUnavailable."""
    files = storage()
    try:
        return files.open(name)
    except FileNotFoundError:
        return None
    except Exception as error:
        # Each storage has errors of its own.
        logger.exception("%s can't be opened.", name)
        raise StorageUnavailable(_("The file storage does not answer. Try again in a few minutes.")) from error


def save(name: str, content: "File[Any]") -> str:
    """Keep a file; return its name. Raise StorageUnavailable."""
    files = storage()
    try:
        return str(files.save(name, content))
    except Exception as error:
        logger.exception("%s can't be saved.", name)
        raise StorageUnavailable(_("The file storage does not answer. Try again in a few minutes.")) from error


def names_in(folder: str) -> list[str]:
    """Return the names of the files in a folder; none where it does not exist. Raise StorageUnavailable."""
    return _listed(folder)[1]


def folders_in(folder: str) -> list[str]:
    """Return the names of the folders in a folder; none where it does not exist. Raise StorageUnavailable."""
    return _listed(folder)[0]


def _listed(folder: str) -> tuple[list[str], list[str]]:
    files = storage()
    try:
        folders, names = files.listdir(folder)
    except FileNotFoundError:
        return [], []
    except Exception as error:
        logger.exception("%s can't be listed.", folder)
        raise StorageUnavailable(_("The file storage does not answer. Try again in a few minutes.")) from error
    return folders, names


def is_older(name: str, moment: datetime) -> bool:
    """Whether a file is there, and was written before a moment."""
    try:
        return bool(storage().get_modified_time(name) < moment)
    except FileNotFoundError:
        return False


def delete(names: Sequence[str]) -> list[str]:
    """Delete files, gone ones too; return the names of those that can't be deleted now."""
    files, left = storage(), []
    for name in names:
        try:
            files.delete(name)
        except Exception:
            logger.exception("%s can't be deleted; it is tried again within the hour.", name)
            left.append(name)
    return left


class StreamedFile(File):  # type: ignore[type-arg]
    """A file that is read once, from an iterator of blocks, while they are made."""

    def __init__(self, blocks: Iterator[bytes], name: str) -> None:
        super().__init__(None, name)
        self._blocks, self._buffer = blocks, b""

    def chunks(self, chunk_size: int | None = None) -> Iterator[bytes]:
        return self._blocks

    def read(self, size: int = -1) -> bytes:
        # S3 takes parts of a fixed size: fewer bytes than `size` may come at the end alone.
        while size < 0 or len(self._buffer) < size:
            block = next(self._blocks, b"")
            if not block:
                break
            self._buffer += block
        size = len(self._buffer) if size < 0 else size
        data, self._buffer = self._buffer[:size], self._buffer[size:]
        return data

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return False
