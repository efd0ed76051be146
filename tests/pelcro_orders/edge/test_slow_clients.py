"""The web server that `make run` starts, and clients that are slow on purpose."""

import re
import socket
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress

import pytest

from devserver.programs import OPENER
from devserver.temporary_services import TemporaryServices
from pelcro_orders.edge import worker

HEADERS = b"GET /shop/ HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Long: "
BODY = b"POST /admin/login/ HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 500000\r\n\r\nusername="
CHUNKED = b"POST /admin/login/ HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n"
BIG = 300_000_000

Connect = Callable[..., socket.socket]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TemporaryServices]:
    with TemporaryServices(tmp_path_factory.mktemp("stack")) as stack:
        stack.web()
        yield stack


@pytest.fixture
def connect(stack: TemporaryServices) -> Iterator[Connect]:
    """Return a function that opens a connection and sends the first bytes; all are closed in the end."""
    with ExitStack() as opened:

        def open_one(first: bytes, *, window: int = 0) -> socket.socket:
            client = opened.enter_context(socket.socket())
            if window:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)
            client.connect(("127.0.0.1", stack.port))
            client.sendall(first)
            return client

        yield open_one


def answer(client: socket.socket) -> str:
    client.settimeout(30)
    received = b""
    while block := client.recv(65536):
        received += block
    return received.decode(errors="replace")


def seconds_of_a_page(stack: TemporaryServices) -> float:
    begun = time.monotonic()
    with OPENER.open(f"{stack.env['BASE_URL']}/admin/login/", timeout=20) as page:
        page.read()
    return time.monotonic() - begun


def largest_static_file(stack: TemporaryServices) -> bytes:
    with OPENER.open(f"{stack.env['BASE_URL']}/admin/login/", timeout=20) as page:
        paths = set(re.findall(r'(?:src|href)="(/static/[^"]+)"', page.read().decode()))
    sizes = {}
    for path in paths:
        with OPENER.open(stack.env["BASE_URL"] + path, timeout=20) as file:
            sizes[path] = len(file.read())
    assert max(sizes.values()) > 200_000  # more than the sockets' buffers hold
    largest: str = max(sizes, key=lambda path: sizes[path])
    return largest.encode()


@pytest.mark.parametrize("kind", ["headers", "body", "chunked body", "reader"])
def test_forty_slow_clients_leave_other_pages_below_a_second(
    stack: TemporaryServices, connect: Connect, kind: str
) -> None:
    static = b"GET " + largest_static_file(stack) + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    first = {"headers": HEADERS, "body": BODY, "chunked body": CHUNKED, "reader": static * 8}[kind]
    clients = [connect(first, window=2048 if kind == "reader" else 0) for _ in range(40)]
    times = []
    for _ in range(10):
        for client in clients if kind in {"headers", "body"} else ():
            client.sendall(b"x")
        times.append(seconds_of_a_page(stack))
    assert max(times) < 1
    assert statistics.median(times) < 0.2


def test_headers_that_never_end_are_given_up(connect: Connect) -> None:
    client = connect(HEADERS)
    begun = time.monotonic()
    assert answer(client).startswith("HTTP/1.1 408 ")
    assert time.monotonic() - begun < worker.HEADER_SECONDS + 3


def test_a_body_that_never_ends_is_given_up_in_words(connect: Connect) -> None:
    said = answer(connect(BODY))
    assert said.startswith("HTTP/1.1 408 ")
    assert "The request took too long to arrive." in said


@pytest.mark.parametrize("path", ["/admin/login/", "/shop/", "/webhooks/stripe/", "/admin/ecommerce/product/import/"])
def test_a_form_of_300_mb_is_refused_by_its_length(connect: Connect, path: str) -> None:
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: multipart/form-data; boundary=b\r\n"
    client = connect(f"{head}Content-Length: {BIG}\r\n\r\n".encode())
    said = answer(client)
    assert said.startswith("HTTP/1.1 413 ")
    assert "This was not taken" in said


def test_a_chunked_body_is_counted_and_kept_nowhere(connect: Connect) -> None:
    client = connect(CHUNKED)
    chunk = b"10000\r\n" + b"x" * 65536 + b"\r\n"
    sent = 0
    with suppress(OSError):  # reset, or a broken pipe
        while sent < BIG:
            client.sendall(chunk)
            sent += 65536
    assert sent < 40_000_000


def test_the_api_refuses_in_its_own_shape(connect: Connect) -> None:
    head = f"POST /api/v1/sdk/auth/login HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {BIG}\r\n\r\n"
    said = answer(connect(head.encode()))
    assert said.startswith("HTTP/1.1 413 ")
    assert '{"error": {"code": "too_large"' in said
