"""Providers of mail on the loopback: they speak HTTP as the real ones, and answer, hang, refuse or lose the answer."""

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from pelcro_orders.mail_server import mail_server

WEBHOOK_SECRET = "provider:let-me-in"


@dataclass
class Request:
    path: str
    headers: dict[str, str]
    body: str
    id: str

    @property
    def sending(self) -> str:
        """Give our name of this sending, wherever that provider has it."""
        found = re.search(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.\d{20}", self.body)
        return found[0] if found else ""


@dataclass
class Provider:
    """`mails` are those that went on to their recipients. `answers` is what is said to the next requests instead."""

    port: int = 0
    requests: list[Request] = field(default_factory=list)
    mails: dict[str, Request] = field(default_factory=dict)
    answers: list[Any] = field(default_factory=list)
    always: Any = None
    lock: threading.Lock = field(default_factory=threading.Lock)
    ended: threading.Event = field(default_factory=threading.Event)

    def take(self, request: Request) -> Request:
        """Take a mail; one of an Idempotency-Key that is known is that mail, as Resend does it."""
        with self.lock:
            key = request.headers.get("idempotency-key", "") if request.path == "/emails" else ""
            request.id = f"P{len(self.requests) + 1}"
            self.requests.append(request)
            return self.mails.setdefault(key or request.id, request)

    def url(self, provider: str = "postmark://token@") -> str:
        return f"{provider}{'&' if '?' in provider else '?'}api_url=http://127.0.0.1:{self.port}/"

    def settings(self, provider: str = "postmark://token@", *, key: str = "") -> dict[str, Any]:
        server = mail_server(self.url(provider), webhook_secret=WEBHOOK_SECRET, webhook_key=key)
        return {
            "EMAIL_BACKEND": "customers.mail.backend.OutboxBackend",
            "MAIL_SERVER": server,
            "MAIL_BACKEND": server.backend,
            "ANYMAIL": server.anymail | {"REQUESTS_TIMEOUT": (1, 1)},
        }


def answer_of(request: Request) -> tuple[int, Any]:
    to = "ada@example.com"
    match request.path.rstrip("/").rpartition("/")[2]:
        case "email":  # Postmark's, and Brevo's
            return 200, {"ErrorCode": 0, "Message": "OK", "MessageID": request.id, "To": to, "messageId": request.id}
        case "send" if "mail/send" in request.path:  # SendGrid's
            return 202, None
        case "send":  # Mailjet's, and Mailtrap's
            sent = {"Status": "success", "To": [{"Email": to, "MessageID": request.id}]}
            return 200, {"Messages": [sent], "success": True, "message_ids": [request.id]}
        case "send.json":
            return 200, [{"email": to, "status": "sent", "_id": request.id}]
        case "transmissions":
            results = {"total_accepted_recipients": 1, "total_rejected_recipients": 0, "id": request.id}
            return 200, {"results": results}
        case _:  # Mailgun's, Resend's, Amazon's
            return 200, {"id": request.id, "message": "Queued.", "MessageId": request.id}


class _Handler(BaseHTTPRequestHandler):
    provider: Provider
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode(errors="replace")
        request = Request(self.path, {name.lower(): value for name, value in self.headers.items()}, body, "")
        with self.provider.lock:
            said = self.provider.answers.pop(0) if self.provider.answers else self.provider.always
        match said:
            case "hang":
                self.provider.ended.wait(30)
                self.close_connection = True
            case "lose":  # takes it, and hangs up before it has said so
                self.provider.take(request)
                self.close_connection = True
            case "mumble":
                self.provider.take(request)
                self._say(200, "This is no JSON.")
            case "drip":
                self._drip()
            case (status, text):
                self._say(status, text)
            case _:
                self._say(*answer_of(self.provider.take(request)))

    def _say(self, status: int, content: Any) -> None:
        said = (
            b"" if content is None else content.encode() if isinstance(content, str) else json.dumps(content).encode()
        )
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def _drip(self) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        while not self.provider.ended.wait(0.1):
            try:
                self.wfile.write(b" ")
            except OSError:
                return

    def log_message(self, *_arguments: Any) -> None: ...


@contextmanager
def mail_provider() -> Iterator[Provider]:
    provider = Provider()
    handler = type("Handler", (_Handler,), {"provider": provider})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    provider.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        provider.ended.set()
        server.shutdown()
        server.server_close()
        thread.join()
