"""Reads a request's body, within its limits, before any thread is given to the request."""

import asyncio
from dataclasses import dataclass
from tempfile import SpooledTemporaryFile
from typing import Any

from pelcro_orders.edge.limits import TOO_LARGE, TOO_SLOW, Limits

IN_MEMORY = 1024 * 1024  # more than any body that is not an upload has, so that only uploads reach the disk
LINGER_SECONDS, LINGER_BYTES = 3.0, 16 * 1024 * 1024


class ClientGone(Exception):
    """The client closed the connection before the whole body had arrived."""


@dataclass(frozen=True)
class Body:
    file: "SpooledTemporaryFile[bytes]"
    size: int
    refusal: int = 0  # HTTP's status


async def read_body(receive: Any, limits: Limits, declared: int) -> Body:
    """Read at most `limits`; refuse by the declared length at once, else by what arrived. Raise ClientGone."""
    file: SpooledTemporaryFile[bytes] = SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115 - the caller closes it
    if declared > limits.size:
        return Body(file, 0, TOO_LARGE)
    try:
        async with asyncio.timeout(limits.seconds):
            return await _read(receive, limits.size, file)
    except TimeoutError:
        return _emptied(file, TOO_SLOW)


async def _read(receive: Any, most: int, file: "SpooledTemporaryFile[bytes]") -> Body:
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            file.close()
            raise ClientGone
        size, more = size + len(message["body"]), message["more_body"]
        if size > most:
            return _emptied(file, TOO_LARGE)
        file.write(message["body"])
    file.seek(0)
    return Body(file, size)


def _emptied(file: "SpooledTemporaryFile[bytes]", refusal: int) -> Body:
    file.seek(0)
    file.truncate()
    return Body(file, 0, refusal)


async def linger(receive: Any) -> None:
    """Read on for a moment: a connection closed with unread data is reset, and the answer never seen."""
    left = LINGER_BYTES
    try:
        async with asyncio.timeout(LINGER_SECONDS):
            while left > 0:
                message = await receive()
                if message["type"] == "http.disconnect" or not message["more_body"]:
                    return
                left -= len(message["body"])
    except TimeoutError:
        return
