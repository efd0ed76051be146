"""The worker's part of sending mail, done now, and mail servers of several tempers on the loopback."""

import math
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from django.core import mail
from django.core.mail import EmailMessage
from django.db.models import Model

from customers.mail import delivery
from customers.mail.writers import is_written
from customers.models import Mail
from devserver.programs import free_port


def deliver() -> list[EmailMessage]:
    """Send what waits in the outbox, and give all that was ever sent."""
    delivery.send_due(until=math.inf)
    found: list[EmailMessage] = mail.outbox
    return found


def written(**wanted: Any) -> list[Mail]:
    """Write the texts of mails about orders, as the worker does just before it sends them, and give these."""
    for each in Mail.objects.filter(**wanted).order_by("pk"):
        is_written(each)
    return list(Mail.objects.filter(**wanted).order_by("pk"))


def mail_kinds(order: Model) -> list[str]:
    """Give the kinds of the mails about an order, in their order."""
    return list(Mail.objects.filter(about_id=order.pk).order_by("pk").values_list("kind", flat=True))


@dataclass
class MailServer:
    """Takes mails, or answers what `answers` says to a recipient or to all."""

    port: int
    got: list[Envelope] = field(default_factory=list)
    answers: dict[str, str] = field(default_factory=dict)

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        for recipient in (*envelope.rcpt_tos, "*"):
            if recipient in self.answers:
                return self.answers[recipient]
        self.got.append(envelope)
        return f"250 2.0.0 Ok: queued as M{len(self.got)}"

    @property
    def message_ids(self) -> list[str]:
        lines = [line for each in self.got for line in (each.original_content or b"").decode().splitlines()]
        return [line.partition(": ")[2] for line in lines if line.startswith("Message-ID")]

    def settings(self) -> dict[str, Any]:
        return smtp_settings(self.port)


def smtp_settings(port: int) -> dict[str, Any]:
    return {
        "EMAIL_BACKEND": "customers.mail.backend.OutboxBackend",
        "MAIL_BACKEND": "customers.mail.smtp.EmailBackend",
        "EMAIL_HOST": "127.0.0.1",
        "EMAIL_PORT": port,
        "EMAIL_TIMEOUT": 1,
        "EMAIL_USE_TLS": False,
    }


@contextmanager
def mail_server(port: int = 0) -> Iterator[MailServer]:
    server = MailServer(port or free_port())
    controller = Controller(server, hostname="127.0.0.1", port=server.port)
    controller.start()
    try:
        yield server
    finally:
        controller.stop()


@contextmanager
def raw_server(*, drip: bytes = b"", every: float = 0.2) -> Iterator[int]:
    """Accept connections and say nothing, or one byte of `drip` after the other for ever; give the port."""
    stop = threading.Event()
    accepted: list[socket.socket] = []

    def talk(client: socket.socket) -> None:
        while drip and not stop.wait(every):
            try:
                client.sendall(drip)
            except OSError:
                return

    def run(listening: socket.socket) -> None:
        while not stop.is_set():
            try:
                client, _address = listening.accept()
            except OSError:
                return
            accepted.append(client)
            threading.Thread(target=talk, args=[client], daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=run, args=[listening], daemon=True)
        thread.start()
        try:
            yield listening.getsockname()[1]
        finally:
            stop.set()
            listening.shutdown(socket.SHUT_RDWR)
            thread.join()
            for client in accepted:
                client.close()
