"""Sessions of HTTP for the providers' APIs: each connection has an end, and nothing is sent twice by itself."""

import socket
from typing import Any

from requests import Session
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

from customers.mail.deadline import Deadline


class _BoundedConnection(HTTPConnection):
    _deadline: Deadline | None = None

    def _new_conn(self) -> socket.socket:
        plain = super()._new_conn()
        self._deadline = Deadline(plain)
        return plain

    def close(self) -> None:
        super().close()
        if self._deadline:
            self._deadline.cancel()


class _BoundedSecureConnection(_BoundedConnection, HTTPSConnection):
    """The socket is bounded before TLS begins on it."""


class _Pool(HTTPConnectionPool):
    ConnectionCls = _BoundedConnection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _BoundedSecureConnection


class _BoundedAdapter(HTTPAdapter):
    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        super().init_poolmanager(*arguments, **options)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}


def bound(session: Session) -> None:
    """Give the connections of a session an end."""
    for scheme in ("http://", "https://"):
        session.mount(scheme, _BoundedAdapter(max_retries=0))
