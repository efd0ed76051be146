"""`manage.py webhook_receiver`: print the webhook events that arrive on this machine, and whether each is genuine."""

import base64
import hashlib
import hmac
import json
import threading
from argparse import ArgumentParser
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db.models.functions import Now
from standardwebhooks import Webhook, WebhookVerificationError

from ecommerce.models import WebhookEndpoint
from ecommerce.webhooks import endpoints

LOOPBACK = "127.0.0.1"
MAX_BODY = 10_000_000


class Receiver(ThreadingHTTPServer):
    """Answers 200, or 500 to the first `fail_first` requests, and writes a line for each."""

    daemon_threads = True

    def __init__(self, port: int, secrets: list[str], fail_first: int, write: Any) -> None:
        super().__init__((LOOPBACK, port), Handler)
        self.secrets, self.left_to_fail, self.write = secrets, fail_first, write
        self.lock = threading.Lock()

    @property
    def address(self) -> str:
        return f"http://{LOOPBACK}:{self.server_port}/"

    def take(self, headers: Mapping[str, str], body: bytes) -> HTTPStatus:
        with self.lock:  # one line after the other, in the order of arrival
            fails, self.left_to_fail = self.left_to_fail > 0, max(self.left_to_fail - 1, 0)
            status = HTTPStatus.INTERNAL_SERVER_ERROR if fails else HTTPStatus.OK
            self.write(" ".join(describe(headers, body, self.secrets)) + f" -> {status}")
        return status


class Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        body = self.rfile.read(min(int(length), MAX_BODY)) if length.isdecimal() else b""
        self.send_response(self.server.take(dict(self.headers), body))
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_args: Any) -> None:
        """Say nothing: the receiver writes its own lines."""


def describe(headers: Mapping[str, str], body: bytes, secrets: list[str]) -> Iterator[str]:
    """Yield the words of the line: what arrived, and what its signatures say."""
    try:
        event = json.loads(body)
        about = event["data"]["object"]
        name = about.get("number") or about.get("code") or about.get("id")
        yield f"{event['type']}  {about['object']} {name}  {event['id']} sequence {event.get('sequence', '-')}"
    except (ValueError, TypeError, LookupError):
        yield f"{len(body)} bytes that are no event of this shop"
    yield f" Standard Webhooks: {standard_verdict(headers, body, secrets)},"
    yield f"X-Pelcro-Hmac-SHA256: {pelcro_verdict(headers, body, secrets)}"


def standard_verdict(headers: Mapping[str, str], body: bytes, secrets: list[str]) -> str:
    why = "no secret given"
    for secret in secrets:
        try:
            Webhook(secret).verify(body, dict(headers))
        except WebhookVerificationError as error:
            why = f"NOT verified ({error})"
        except ValueError as error:
            why = f"NOT verified (the secret is malformed: {error})"
        else:
            return "verified"
    return why


def pelcro_verdict(headers: Mapping[str, str], body: bytes, secrets: list[str]) -> str:
    sent = {name.lower(): value for name, value in headers.items()}.get("x-pelcro-hmac-sha256", "")
    expected = [base64.b64encode(hmac.digest(secret.encode(), body, hashlib.sha256)).decode() for secret in secrets]
    if any(hmac.compare_digest(each, sent) for each in expected):
        return "verified"
    return "NOT verified" if secrets else "no secret given"


class Command(BaseCommand):
    help = (
        "Receive webhooks on this machine's loopback, print each event and whether its signatures are genuine, and "
        "answer 200. Ctrl-C ends it."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", type=int, default=8090)
        parser.add_argument("--secret", action="append", default=[], help="whsec_…; twice while it is being rotated")
        parser.add_argument("--register", action="store_true", help="make an endpoint of all events for it, if needed")
        parser.add_argument("--fail-first", type=int, default=0, metavar="N", help="answer 500 to the first N requests")

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            receiver = Receiver(options["port"], options["secret"], options["fail_first"], self.write_line)
        except OSError as error:
            raise CommandError(f"Port {options['port']}: {error.strerror}. Choose another by --port.") from error
        with receiver:
            if options["register"]:
                receiver.secrets += self._register(receiver.address)
            else:
                self.write_line(f"Listening on {receiver.address}: enter it as a webhook endpoint in the admin.")
            try:
                receiver.serve_forever()
            except KeyboardInterrupt:
                self.write_line("Stopped. What happens meanwhile waits for the endpoint, until you delete it.")

    def _register(self, address: str) -> list[str]:
        """Make the endpoint of this address unless there is one, and return its secrets."""
        named = {"description": "webhook_receiver"}
        endpoint, made = WebhookEndpoint.objects.get_or_create(url=address, defaults=named)
        said = "an endpoint of all events was made" if made else "its endpoint is there already"
        self.write_line(f"Listening on {address}: {said}.")
        endpoints.try_now(endpoint_id=endpoint.pk)
        if not endpoint.active:
            self.write_line("It is switched off: switch it on in the admin.")
        valid = WebhookEndpoint.objects.filter(pk=endpoint.pk, previous_secret_until__gt=Now())
        return [endpoint.secret, *valid.values_list("previous_secret", flat=True)]

    def write_line(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()
