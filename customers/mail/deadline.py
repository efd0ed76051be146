"""An end for a connection: a server that answers drop by drop can't hold a worker for ever."""

import os
import socket
from contextlib import suppress
from threading import Timer

CONNECTION_SECONDS = 40.0
"""The timeouts of a socket bound each wait for bytes, this all waits of a connection together."""


class Deadline:
    """Shuts a connection down when its time is over, unless it is canceled before."""

    def __init__(self, connected: socket.socket) -> None:
        # Another descriptor of the same connection: TLS takes the first one over.
        self._end = socket.socket(fileno=os.dup(connected.fileno()))
        self._timer = Timer(CONNECTION_SECONDS, self._shut_down)
        self._timer.daemon = True
        self._timer.start()

    def _shut_down(self) -> None:
        with suppress(OSError):  # the server has hung up already
            self._end.shutdown(socket.SHUT_RDWR)

    def cancel(self) -> None:
        self._timer.cancel()
        self._end.close()
