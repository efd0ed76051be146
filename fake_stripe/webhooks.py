"""Webhooks: events signed and delivered in the background, again and again until they are taken."""

import asyncio
import contextlib
import hashlib
import hmac
import json
import random
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

from fake_stripe.errors import Object
from fake_stripe.faults import Faults
from fake_stripe.state import State

AT_ONCE = 8
TAKEN = range(200, 300)
TIMEOUT = 20
MAX_TRIES = 30
LONGEST_WAIT = 60
IDLE = 0.5
LATE = (2.0, 8.0)
REVERSING_WINDOW = 1.0


@dataclass(frozen=True)
class Delivery:
    """One event on its way."""

    id: int
    event: str
    tries: int
    alone: bool


class Courier:
    """Delivers events to one address; what is not delivered yet survives a restart."""

    def __init__(self, state: State, faults: Faults, *, url: str, secret: str, refund_delay: int) -> None:
        self.url, self.secret, self.refund_delay = url, secret, refund_delay
        self._state, self._faults = state, faults
        self._posted = asyncio.Event()
        self._busy: set[int] = set()
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._tasks: set[asyncio.Task[None]] = set()

    def post(self, event_id: str) -> None:
        """Note an event for delivery, as the mode in force says."""
        if not self.url:
            return
        if self._faults.webhooks != "normal":
            self._faults.struck[f"webhooks {self._faults.webhooks}"] += 1
        for due, place in _schedule(self._faults.webhooks):
            self._state.db.execute(
                "INSERT INTO deliveries (event, due, place) VALUES (?, ?, ?)", (event_id, due, place * time.time_ns())
            )
        self._posted.set()

    async def run(self) -> None:
        """Deliver for ever."""
        while True:
            self._posted.clear()
            for delivery in self._due():
                await self._start(delivery)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._posted.wait(), timeout=IDLE)

    def _due(self) -> list[Delivery]:
        query = "SELECT id, event, tries, place < 0 FROM deliveries WHERE due <= ? ORDER BY due, place LIMIT 200"
        rows = self._state.db.execute(query, (time.time(),))
        return [Delivery(*row) for row in rows if row[0] not in self._busy]

    async def _start(self, delivery: Delivery) -> None:
        await self._slots.acquire()
        self._busy.add(delivery.id)
        task = asyncio.create_task(self._deliver(delivery))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        if delivery.alone:
            # An order that was turned round must arrive in that order.
            await task

    async def _deliver(self, delivery: Delivery) -> None:
        try:
            event = self._state.find("event", delivery.event)
            taken = event is None or await self._send(event)
            self._note(delivery, taken=taken)
        finally:
            self._busy.discard(delivery.id)
            self._slots.release()

    def _note(self, delivery: Delivery, *, taken: bool) -> None:
        if taken or delivery.tries + 1 >= MAX_TRIES:
            self._state.db.execute("DELETE FROM deliveries WHERE id = ?", (delivery.id,))
            return
        wait = min(2**delivery.tries, LONGEST_WAIT)
        self._state.db.execute(
            "UPDATE deliveries SET tries = tries + 1, due = ? WHERE id = ?", (time.time() + wait, delivery.id)
        )

    async def _send(self, event: Object) -> bool:
        payload = json.dumps({**event, "pending_webhooks": 1}, indent=2).encode()
        signed = signature(payload, self.secret, int(time.time()))
        try:
            status = await asyncio.wait_for(_post(self.url, payload, signed), TIMEOUT)
        except (OSError, TimeoutError, ValueError, IndexError):
            return False
        return status in TAKEN


async def _post(url: str, payload: bytes, signed: str) -> int:
    """Send a request and give the answer's status, without a thread that an end would have to wait for."""
    parts = urlsplit(url)
    secure = parts.scheme == "https"
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port or (443 if secure else 80), ssl=secure)
    try:
        writer.write(_request(f"{parts.path or '/'}?{parts.query}".rstrip("?"), parts.netloc, payload, signed))
        answer = await reader.read()
    finally:
        writer.close()
    return int(answer.split(None, 2)[1])


def _request(target: str, host: str, payload: bytes, signed: str) -> bytes:
    headers = {
        "Host": host,
        "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
        "Content-Type": "application/json; charset=utf-8",
        "Content-Length": len(payload),
        "Stripe-Signature": signed,
        "Connection": "close",
    }
    lines = [f"POST {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
    return "\r\n".join(lines).encode() + payload


def _schedule(mode: str) -> list[tuple[float, int]]:
    now = time.time()
    if mode == "off":
        return []
    if mode == "double":
        return [(now, 1), (now, 1)]
    if mode == "late":
        return [(now + random.uniform(*LATE), 1)]  # noqa: S311 - chance, not secrecy
    if mode == "reversed":
        # All of one window fall due together, the last one first.
        return [((now // REVERSING_WINDOW + 2) * REVERSING_WINDOW, -1)]
    return [(now, 1)]


def signature(payload: bytes, secret: str, at: int) -> str:
    """Sign as https://docs.stripe.com/webhooks#verify-manually describes."""
    digest = hmac.new(secret.encode(), f"{at}.".encode() + payload, hashlib.sha256).hexdigest()
    return f"t={at},v1={digest}"
