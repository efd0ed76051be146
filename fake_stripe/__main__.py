"""`python -m fake_stripe --port N --state FILE`: Stripe's API on 127.0.0.1, for the demo and the tests."""

import argparse
import asyncio
import contextlib
import logging
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from fake_stripe.app import application
from fake_stripe.faults import Faults
from fake_stripe.idempotency import IdempotencyStore
from fake_stripe.server import FakeStripe
from fake_stripe.store import Store
from fake_stripe.webhooks import WebhookSender

HOST = "127.0.0.1"


class Connection(H11Protocol):
    """Gives the application its transport, so that a fault can reset the connection."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.app = _with_transport(self.app, transport)


def _with_transport(app: ASGIApp, transport: asyncio.Transport) -> ASGIApp:
    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        scope["transport"] = transport
        await app(scope, receive, send)

    return wrapped


class Server(uvicorn.Server):
    """Stops at once with exit status 0: requests that a fault holds are dropped."""

    faults: Faults

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        for sock in sockets or []:
            sys.stdout.write(f"listening on http://{HOST}:{sock.getsockname()[1]}\n")
        sys.stdout.flush()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        super().handle_exit(sig, frame)
        asyncio.get_event_loop().call_soon_threadsafe(self.faults.stop)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        # Uvicorn would raise the captured signals again at the end.
        with super().capture_signals():
            yield
            self._captured_signals.clear()


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m fake_stripe", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 chooses a free one")
    parser.add_argument("--state", type=Path, required=True, help="the SQLite file, or a folder for it")
    parser.add_argument("--webhook-url", default="", help="where events are sent; nowhere if empty")
    parser.add_argument("--webhook-secret", default="whsec_sandbox")
    parser.add_argument("--secret-key", default="sk_test_sandbox")
    parser.add_argument("--publishable-key", default="pk_test_sandbox")
    parser.add_argument("--refund-delay", type=int, default=5, help="seconds until a pending or failing refund settles")
    return parser.parse_args()


def create_fake_stripe(options: argparse.Namespace) -> FakeStripe:
    store, faults = Store(options.state), Faults()
    return FakeStripe(
        store,
        faults,
        IdempotencyStore(store),
        WebhookSender(store, faults, url=options.webhook_url, secret=options.webhook_secret),
        options.refund_delay,
        options.secret_key,
        options.publishable_key,
    )


def listen(port: int) -> socket.socket:
    # asyncio switches Nagle's delay (40 ms a response) off only where the protocol is named.
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((HOST, port))
    except OSError as error:
        sys.exit(
            f"The fake Stripe can't listen on {HOST}:{port}: {error.strerror}. "
            "Give another --port, or 0 for a free one."
        )
    sock.listen(1024)
    return sock


async def main() -> None:
    options = arguments()
    fake = create_fake_stripe(options)
    config = uvicorn.Config(
        application(fake),
        http=Connection,
        log_level="warning",
        access_log=False,
        date_header=False,  # API responses have that of the fake Stripe's own clock
        timeout_graceful_shutdown=1,
        timeout_keep_alive=75,
        ws="none",
    )
    server = Server(config)
    server.faults = fake.faults
    await server.serve(sockets=[listen(options.port)])


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    asyncio.run(main())
