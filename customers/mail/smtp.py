"""Django's SMTP backend with an end: a server that answers drop by drop can't hold a worker for ever."""

import os
import smtplib
import socket
from collections.abc import Sequence
from contextlib import suppress
from threading import Timer
from typing import Any

from django.core.mail import EmailMessage
from django.core.mail.backends import smtp

CONNECTION_SECONDS = 40.0
"""EMAIL_TIMEOUT bounds each wait for bytes, this all waits of a connection together."""


class _BoundedSMTP(smtplib.SMTP):
    reply = b""

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        plain = super()._get_socket(host, port, timeout)  # type: ignore[misc]
        # Another descriptor of the same connection: TLS takes the first one over.
        self._end = socket.socket(fileno=os.dup(plain.fileno()))
        self._timer = Timer(CONNECTION_SECONDS, self._shut_down)
        self._timer.daemon = True
        self._timer.start()
        return plain  # type: ignore[no-any-return]

    def _shut_down(self) -> None:
        with suppress(OSError):  # the server has hung up already
            self._end.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        super().close()
        if hasattr(self, "_timer"):
            self._timer.cancel()
            self._end.close()

    def data(self, msg: Any) -> tuple[int, bytes]:
        code, self.reply = super().data(msg)
        return code, self.reply


class _BoundedSMTPS(smtplib.SMTP_SSL, _BoundedSMTP):
    """The socket is bounded before TLS begins on it."""


class EmailBackend(smtp.EmailBackend):
    @property
    def connection_class(self) -> type[smtplib.SMTP]:
        return _BoundedSMTPS if self.use_ssl else _BoundedSMTP

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        sent = super().send_messages(email_messages) or 0
        for message in email_messages:
            # What the server says of a mail it took: most name it by the id that their own log has.
            message.provider_id = getattr(self.connection, "reply", b"").decode(errors="replace")  # type: ignore[attr-defined]
        return sent
