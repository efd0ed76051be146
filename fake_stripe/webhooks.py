"""Webhooks: events signed and delivered in the background, and retried until they succeed."""

import asyncio
import contextlib
import hashlib
import hmac
import json
import random
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

from fake_stripe.errors import JsonObject
from fake_stripe.faults import Faults
from fake_stripe.store import Store

CONCURRENCY = 8
SUCCESS = range(200, 300)
TIMEOUT = 20
MAX_ATTEMPTS = 30
MAX_WAIT = 60
POLL_SECONDS = 0.5
LATE_SECONDS = (2.0, 8.0)
REVERSING_WINDOW = 1.0


@dataclass(frozen=True)
class Delivery:
    id: int
    event: str
    attempts: int
    in_order: bool


class WebhookSender:
    """Delivers events to one URL; deliveries survive a restart."""

    def __init__(self, store: Store, faults: Faults, *, url: str, secret: str) -> None:
        self.url, self.secret = url, secret
        self._store, self._faults = store, faults
        self._enqueued = asyncio.Event()
        self._in_flight: set[int] = set()
        self._slots = asyncio.Semaphore(CONCURRENCY)
        self._tasks: set[asyncio.Task[None]] = set()

    def enqueue(self, event_id: str) -> None:
        if not self.url:
            return
        if self._faults.webhooks != "normal":
            self._faults.counts[f"webhooks {self._faults.webhooks}"] += 1
        for due, place in _due_times(self._faults.webhooks):
            self._store.db.execute(
                "INSERT INTO deliveries (event, due, place) VALUES (?, ?, ?)", (event_id, due, place * time.time_ns())
            )
        self._enqueued.set()

    async def run(self) -> None:
        while True:
            self._enqueued.clear()
            for delivery in self._due_deliveries():
                await self._start(delivery)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._enqueued.wait(), timeout=POLL_SECONDS)

    def _due_deliveries(self) -> list[Delivery]:
        query = "SELECT id, event, tries, place < 0 FROM deliveries WHERE due <= ? ORDER BY due, place LIMIT 200"
        rows = self._store.db.execute(query, (time.time(),))
        return [Delivery(*row) for row in rows if row[0] not in self._in_flight]

    async def _start(self, delivery: Delivery) -> None:
        await self._slots.acquire()
        self._in_flight.add(delivery.id)
        task = asyncio.create_task(self._deliver(delivery))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        if delivery.in_order:
            # Events in reversed order must arrive in that order.
            await task

    async def _deliver(self, delivery: Delivery) -> None:
        try:
            event = self._store.find("event", delivery.event)
            delivered = event is None or await self._send(event)
            self._record_result(delivery, delivered=delivered)
        finally:
            self._in_flight.discard(delivery.id)
            self._slots.release()

    def _record_result(self, delivery: Delivery, *, delivered: bool) -> None:
        if delivered or delivery.attempts + 1 >= MAX_ATTEMPTS:
            self._store.db.execute("DELETE FROM deliveries WHERE id = ?", (delivery.id,))
            return
        wait = min(2**delivery.attempts, MAX_WAIT)
        self._store.db.execute(
            "UPDATE deliveries SET tries = tries + 1, due = ? WHERE id = ?", (time.time() + wait, delivery.id)
        )

    async def _send(self, event: JsonObject) -> bool:
        payload = json.dumps({**event, "pending_webhooks": 1}, indent=2).encode()
        signature_header = signature(payload, self.secret, int(time.time()))
        try:
            status = await asyncio.wait_for(_post(self.url, payload, signature_header), TIMEOUT)
        except (OSError, TimeoutError, ValueError, IndexError):
            return False
        return status in SUCCESS


async def _post(url: str, payload: bytes, signature_header: str) -> int:
    parts = urlsplit(url)
    secure = parts.scheme == "https"
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port or (443 if secure else 80), ssl=secure)
    try:
        writer.write(
            _request(f"{parts.path or '/'}?{parts.query}".rstrip("?"), parts.netloc, payload, signature_header)
        )
        response = await reader.read()
    finally:
        writer.close()
    return int(response.split(None, 2)[1])


def _request(target: str, host: str, payload: bytes, signature_header: str) -> bytes:
    headers = {
        "Host": host,
        "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
        "Content-Type": "application/json; charset=utf-8",
        "Content-Length": len(payload),
        "Stripe-Signature": signature_header,
        "Connection": "close",
    }
    lines = [f"POST {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
    return "\r\n".join(lines).encode() + payload


def _due_times(mode: str) -> list[tuple[float, int]]:
    now = time.time()
    if mode == "off":
        return []
    if mode == "double":
        return [(now, 1), (now, 1)]
    if mode == "late":
        return [(now + random.uniform(*LATE_SECONDS), 1)]  # noqa: S311 - chance, not secrecy
    if mode == "reversed":
        # All events of one window are due together, the last one first.
        return [((now // REVERSING_WINDOW + 2) * REVERSING_WINDOW, -1)]
    return [(now, 1)]


def signature(payload: bytes, secret: str, at: int) -> str:
    digest = hmac.new(secret.encode(), f"{at}.".encode() + payload, hashlib.sha256).hexdigest()
    return f"t={at},v1={digest}"
