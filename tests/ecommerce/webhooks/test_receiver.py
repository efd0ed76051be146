"""The shipped receiver, fed with requests as they are signed."""

import io
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from django.core.management import CommandError, call_command

from ecommerce.management.commands.webhook_receiver import Command, Receiver
from ecommerce.models import WebhookEndpoint
from ecommerce.models.webhook import new_secret
from ecommerce.webhooks.signing import headers

BODY = b'{"type":"order.created","id":"evt_1","data":{"object":{"object":"order","number":"1042"}},"sequence":7}'
Post = Callable[..., int]


@contextmanager
def running(lines: list[str], *secrets: str, fail_first: int = 0) -> Iterator[Post]:
    receiver = Receiver(0, [*secrets], fail_first, lines.append)
    thread = threading.Thread(target=receiver.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()

    def post(body: bytes = BODY, *, sent: dict[str, str]) -> int:
        return httpx.post(receiver.address, content=body, headers=sent, trust_env=False).status_code

    try:
        yield post
    finally:
        receiver.shutdown()
        thread.join()
        receiver.server_close()


def signed(*secrets: str, body: bytes = BODY, at: float | None = None) -> dict[str, str]:
    return headers("evt_1", body, secrets=secrets, at=int(time.time() if at is None else at))


def test_a_genuine_event_is_printed_as_verified() -> None:
    lines, secret = list[str](), new_secret()
    with running(lines, secret) as post:
        assert post(sent=signed(secret)) == 200
    (line,) = lines
    about = "order.created  order 1042  evt_1 sequence 7"
    assert line == f"{about}  Standard Webhooks: verified, X-Pelcro-Hmac-SHA256: verified -> 200"


def test_what_is_not_genuine_is_printed_as_that() -> None:
    lines, secret = list[str](), new_secret()
    with running(lines, secret) as post:
        post(BODY.replace(b"1042", b"1043"), sent=signed(secret))
        post(sent=signed(new_secret()))
        post(sent=signed(secret, at=time.time() - 600))
        post(b"hello", sent={})
    changed, foreign, old, other = lines
    for line in (changed, foreign):
        assert "Standard Webhooks: NOT verified (No matching signature found)" in line
        assert "X-Pelcro-Hmac-SHA256: NOT verified" in line
    assert "Standard Webhooks: NOT verified (Message timestamp too old)" in old
    assert other.startswith("5 bytes that are no event of this shop  Standard Webhooks: NOT verified")


def test_while_a_secret_is_rotated_either_verifies() -> None:
    former, present = new_secret(), new_secret()
    for known in (former, present):
        lines = list[str]()
        with running(lines, known) as post:
            post(sent=signed(present, former))
        assert "Standard Webhooks: verified" in lines[0]


def test_it_fails_as_often_as_it_is_told() -> None:
    lines = list[str]()
    with running(lines, fail_first=2) as post:
        assert [post(sent=signed(new_secret())) for _ in range(3)] == [500, 500, 200]
    assert all("no secret given" in line for line in lines)


def test_a_port_that_is_taken_is_said(db: None) -> None:
    with Receiver(0, [], 0, print) as first, pytest.raises(CommandError, match="Choose another by --port"):
        call_command("webhook_receiver", port=first.server_port, stdout=io.StringIO())


def test_it_makes_its_endpoint_when_asked(db: None) -> None:
    said: Any = io.StringIO()
    command = Command(stdout=said)
    (secret,) = command._register("http://127.0.0.1:8090/")
    endpoint = WebhookEndpoint.objects.get()
    assert (endpoint.url, endpoint.event_types, endpoint.secret) == ("http://127.0.0.1:8090/", [], secret)
    assert command._register("http://127.0.0.1:8090/") == [secret]
    assert WebhookEndpoint.objects.count() == 1
