"""What is attached to a mail: named in its `data`, and read just before it is sent.

A name is `<prefix>:<key>`, for example `invoice:17`; whoever has such files registers how they are read:

    attachments.register("invoice", read)  # read("17") -> Attachment

in `AppConfig.ready`, since apps below know nothing of those above.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Attachment:
    name: str
    """As the recipient saves it, for example INV-000123.pdf."""
    content_type: str
    content: bytes


class NotReadyError(Exception):
    """What a mail needs is still being made: it is put off for a little."""


class UnreadableError(Exception):
    """A file can't be read, now or any more; the text is a sentence for staff."""


class HasData(Protocol):
    @property
    def data(self) -> Mapping[str, Any]: ...


Reader = Callable[[str], Attachment | None]
"""Reads one by its key; None where it is gone for good, and the mail goes without.

May raise NotReadyError or UnreadableError.
"""

_readers: dict[str, Reader] = {}


def register(prefix: str, reader: Reader) -> None:
    """Have names that begin with `prefix:` read by `reader`, outside any transaction."""
    _readers[prefix] = reader


def attachments_of(mail: HasData) -> list[Attachment]:
    """Read what `mail.data["attachments"]` names; raise NotReadyError, UnreadableError."""
    return list(read(mail.data.get("attachments", ())))


def read(names: Iterable[str]) -> Iterable[Attachment]:
    for name in names:
        prefix, _colon, key = name.partition(":")
        found = _readers[prefix](key)
        if found is not None:
            yield found
