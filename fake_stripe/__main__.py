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
from fake_stripe.idempotency import Keys
from fake_stripe.pipeline import Desk
from fake_stripe.state import State
from fake_stripe.webhooks import Courier

HOST = "127.0.0.1"
GRACE = 1
KEEP_ALIVE = 75


class Connection(H11Protocol):
    """Lets the application cut the connection it answers on."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Hand the transport through to the application."""
        super().connection_made(transport)
        self.app = _with_transport(self.app, transport)


def _with_transport(app: ASGIApp, transport: asyncio.Transport) -> ASGIApp:
    async def handed(scope: Scope, receive: Receive, send: Send) -> None:
        scope["transport"] = transport
        await app(scope, receive, send)

    return handed


class Server(uvicorn.Server):
    """Ends at once with exit status 0 when it is asked to end: what is held is dropped."""

    faults: Faults

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Say where it listens once it does, and would end when asked to."""
        await super().startup(sockets)
        for sock in sockets or []:
            sys.stdout.write(f"listening on http://{HOST}:{sock.getsockname()[1]}\n")
        sys.stdout.flush()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """End, and wait for nobody who is held."""
        super().handle_exit(sig, frame)
        asyncio.get_event_loop().call_soon_threadsafe(self.faults.end)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take the signals, without raising them again at the end."""
        with super().capture_signals():
            yield
            self._captured_signals.clear()


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m fake_stripe", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 chooses a free one")
    parser.add_argument("--state", type=Path, required=True, help="the file, or folder, that everything is kept in")
    parser.add_argument("--webhook-url", default="")
    parser.add_argument("--webhook-secret", default="whsec_sandbox")
    parser.add_argument("--secret-key", default="sk_test_sandbox")
    parser.add_argument("--publishable-key", default="pk_test_sandbox")
    parser.add_argument("--refund-delay", type=int, default=5, help="seconds until a pending or failing refund settles")
    return parser.parse_args()


def desk(options: argparse.Namespace) -> Desk:
    """Put the parts together."""
    state = State(options.state)
    faults = Faults()
    courier = Courier(
        state,
        faults,
        url=options.webhook_url,
        secret=options.webhook_secret,
        refund_delay=options.refund_delay,
    )
    return Desk(state, faults, Keys(state), courier, options.secret_key, options.publishable_key)


def listener(port: int) -> socket.socket:
    """Listen before anything is announced."""
    # asyncio switches Nagle's delay (40 ms an answer) off only where the protocol is named.
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((HOST, port))
    except OSError as error:
        sys.exit(
            f"The sandbox can't listen on {HOST}:{port}: {error.strerror}. Give another --port, or 0 for a free one."
        )
    sock.listen(1024)
    return sock


async def main() -> None:
    """Serve until told to end."""
    options = arguments()
    parts = desk(options)
    config = uvicorn.Config(
        application(parts),
        http=Connection,
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=GRACE,
        timeout_keep_alive=KEEP_ALIVE,
        ws="none",
    )
    server = Server(config)
    server.faults = parts.faults
    await server.serve(sockets=[listener(options.port)])


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    asyncio.run(main())
