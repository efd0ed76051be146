"""Where files of orders are kept, and a stream of blocks as Django's storages read it."""

from collections.abc import Iterator, Sequence

from django.core.files.base import File
from django.core.files.storage import Storage, storages


def storage() -> Storage:
    return storages["exports"]


def delete(names: Sequence[str]) -> None:
    """Also names whose file is gone already."""
    for name in names:
        storage().delete(name)


class StreamedFile(File):  # type: ignore[type-arg]
    """A file that is read once, from an iterator of blocks, while they are made."""

    def __init__(self, blocks: Iterator[bytes], name: str) -> None:
        super().__init__(None, name)
        self._blocks, self._buffer = blocks, b""

    def chunks(self, chunk_size: int | None = None) -> Iterator[bytes]:  # noqa: ARG002 - File's signature
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
