"""Endpoints of other systems, of several tempers, on the loopback; what they get is kept."""

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from django.db.models.functions import Now

from ecommerce.models import Order, OrderEvent, WebhookDelivery, WebhookEndpoint
from tests.support.factories import ANA


@dataclass(frozen=True)
class Got:
    """A request as it came."""

    path: str
    headers: dict[str, str]
    body: bytes
    at: float

    @property
    def event(self) -> dict[str, Any]:
        event: dict[str, Any] = json.loads(self.body)
        return event

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]


@dataclass
class Receiver:
    """Answers by the first word of the path: /ok, /hang, /redirect and so on."""

    port: int = 0
    got: list[Got] = field(default_factory=list)
    calls: Counter[str] = field(default_factory=Counter)
    at_once: Counter[str] = field(default_factory=Counter)
    most_at_once: Counter[str] = field(default_factory=Counter)
    over: threading.Event = field(default_factory=threading.Event)

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def at(self, path: str) -> list[Got]:
        return [each for each in self.got if each.path == path]

    def types(self, path: str) -> list[str]:
        return [each.event["type"] for each in self.at(path)]


class Handler(BaseHTTPRequestHandler):
    """One request; `receiver` is set by the server that is made of it."""

    receiver: Receiver

    def do_POST(self) -> None:
        receiver, path = self.receiver, self.path
        length = int(self.headers["content-length"])
        body = self.rfile.read(length)
        if len(body) < length:
            self.close_connection = True  # the sender died amid its request
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        receiver.got.append(Got(path, headers, body, time.monotonic()))
        receiver.calls[path] += 1
        receiver.at_once[path] += 1
        receiver.most_at_once[path] = max(receiver.most_at_once[path], receiver.at_once[path])
        try:
            TEMPERS[path.split("/")[1]](self)
        finally:
            receiver.at_once[path] -= 1

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in {"content-length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: Any) -> None:
        """Say nothing."""


def _slow(handler: Handler) -> None:
    handler.receiver.over.wait(0.3)
    handler.answer(200)


def _hang(handler: Handler) -> None:
    handler.receiver.over.wait(30)


def _drip(handler: Handler) -> None:
    _pour(handler, b"x-drop: ", every=0.02, first=b"HTTP/1.1 200 OK\r\n")


def _drip_body(handler: Handler) -> None:
    _pour(handler, b"drop", every=0.02, first=b"HTTP/1.1 200 OK\r\ncontent-length: 100000000\r\n\r\n")


def _huge(handler: Handler) -> None:
    _pour(handler, b"huge" * 10_000, every=0, first=b"HTTP/1.1 200 OK\r\n\r\n")


def _pour(handler: Handler, drop: bytes, *, every: float, first: bytes) -> None:
    try:
        handler.wfile.write(first)
        while not handler.receiver.over.wait(every):
            handler.wfile.write(drop)
    except OSError:
        handler.close_connection = True  # the sender has had enough


def _nonsense(handler: Handler) -> None:
    handler.wfile.write(b"220 mail.example.com ESMTP\r\n\r\n")


def _recovering(handler: Handler) -> None:
    handler.answer(500 if handler.receiver.calls[handler.path] == 1 else 200, b"again, please")


TEMPERS: dict[str, Callable[[Handler], None]] = {
    "ok": lambda handler: handler.answer(200, b"thanks"),
    "slow": _slow,
    "hang": _hang,
    "drip": _drip,
    "drip-body": _drip_body,
    "huge": _huge,
    "early": lambda handler: handler.connection.close(),
    "nonsense": _nonsense,
    "nul": lambda handler: handler.answer(200, b"a\0b\xff"),
    "recovering": _recovering,
    "flaky": lambda handler: handler.answer(200 if handler.receiver.calls[handler.path] % 3 else 500),
    "broken": lambda handler: handler.answer(500, b"Oh no"),
    "gone": lambda handler: handler.answer(410),
    "busy": lambda handler: handler.answer(429, retry_after="1800"),
    "busy-for-days": lambda handler: handler.answer(503, retry_after="999999"),
    "redirect": lambda handler: handler.answer(302, location=handler.receiver.url("/ok/elsewhere")),
}


def server_and_receiver(host: str) -> tuple[ThreadingHTTPServer, Receiver]:
    """Make a server that does not serve yet, and what keeps what it gets."""

    class OfReceiver(Handler):
        receiver = Receiver()

    server = ThreadingHTTPServer((host, 0), OfReceiver)
    server.daemon_threads = True
    OfReceiver.receiver.port = server.server_port
    return server, OfReceiver.receiver


@contextmanager
def webhook_receiver(host: str = "127.0.0.1") -> Iterator[Receiver]:
    """Listen until the end."""
    server, receiver = server_and_receiver(host)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield receiver
    finally:
        receiver.over.set()
        server.shutdown()
        server.server_close()


def make_endpoint(url: str = "https://erp.example.com/hooks", *event_types: str, **fields: Any) -> WebhookEndpoint:
    return WebhookEndpoint.objects.create(url=url, event_types=[*event_types], **fields)


def happen(order: Order, *kinds: str) -> None:
    """Write entries of these kinds into an order's history."""
    for kind in kinds:
        OrderEvent.objects.create(order=order, kind=kind, **ANA.columns)


def end_waits() -> None:
    """Have everything that waits be due now."""
    WebhookDelivery.objects.filter(status="queued").update(next_attempt_at=Now())
    WebhookEndpoint.objects.exclude(retry_at=None).update(retry_at=Now())


def statuses(endpoint: WebhookEndpoint) -> list[str]:
    return list(endpoint.deliveries.order_by("sequence").values_list("status", flat=True))
