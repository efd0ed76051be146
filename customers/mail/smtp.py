"""Django's SMTP backend with an end to each connection, which keeps what the server says of a mail it took."""

import smtplib
import socket
from collections.abc import Sequence
from typing import Any

from django.core.mail import EmailMessage
from django.core.mail.backends import smtp

from customers.mail.deadline import Deadline


class _BoundedSMTP(smtplib.SMTP):
    reply = b""
    _deadline: Deadline | None = None

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        plain = super()._get_socket(host, port, timeout)  # type: ignore[misc]
        self._deadline = Deadline(plain)
        return plain  # type: ignore[no-any-return]

    def close(self) -> None:
        super().close()
        if self._deadline:
            self._deadline.cancel()

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
