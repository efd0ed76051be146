"""The sender: a thread of each worker process that looks for deliveries and sends them.

It takes no turn among the tasks: an endpoint that hangs keeps no task waiting, and a full queue of tasks no event. All
sockets are in one event loop, all queries in this thread, which looks for new rows some times a second: nobody who
writes them has to wake it. One endpoint has so many requests under way at once, however slow it is, and no other waits
for it.
"""

import asyncio
import logging
import time
from collections import Counter
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event, Thread
from typing import Any

from django.db import InterfaceError, OperationalError, connection
from django.urls import reverse

from backoffice import shutdown
from billing import restore
from ecommerce.models import WebhookEndpoint
from ecommerce.webhooks import queue, signing
from ecommerce.webhooks.request import TOTAL_SECONDS, Answer, Caller

logger = logging.getLogger(__name__)

POLL_SECONDS = 0.25
ERROR_SECONDS = 2.0
PER_ENDPOINT, AT_ONCE = 4, 200
NAME_THREADS = 64  # a look-up of a name can't be given up: an endpoint whose names hang has at most PER_ENDPOINT
STOP_SECONDS = TOTAL_SECONDS + 1


class Sender:
    """Sends what is due; its methods are called by one thread."""

    def __init__(self) -> None:
        self._answered = Event()
        self._under_way: dict[Future[Answer], Any] = {}
        self._caller: Caller | None = None
        ready: Future[asyncio.AbstractEventLoop] = Future()
        self._loop_thread = Thread(target=self._serve, args=(ready,), name="webhook-sockets", daemon=True)
        self._loop_thread.start()
        self._loop = ready.result()

    def run(self, stop: Event) -> None:
        """Work until told to stop, or the worker is to end."""
        reverse("admin:index")  # has all addresses imported, which would make the first event wait
        while not (stop.is_set() or shutdown.has_begun()):
            wait = POLL_SECONDS
            try:
                self._answered.clear()
                if self.work():
                    continue
            except Exception:
                logger.exception("Sending webhooks failed; it goes on in %d s.", ERROR_SECONDS)
                connection.close()  # it may be what failed
                wait = ERROR_SECONDS
            self._answered.wait(wait)
        self._finish()

    def work(self) -> bool:
        """Record what was answered, and send what is due; return whether something was done."""
        answered = self._record()
        return self._send() or answered

    def drain(self) -> None:
        """Work until nothing is due and nothing under way."""
        while self.work() or self._under_way:
            self._answered.wait(POLL_SECONDS)
            self._answered.clear()

    def close(self) -> None:
        """End the loop and its thread, and what is under way."""
        self._loop.call_soon_threadsafe(self._closing.set)
        self._loop_thread.join(STOP_SECONDS)

    def _serve(self, ready: Future[asyncio.AbstractEventLoop]) -> None:
        with asyncio.Runner() as runner:
            runner.get_loop().set_default_executor(ThreadPoolExecutor(NAME_THREADS, "webhook-names"))
            runner.run(self._until_closed(ready))

    async def _until_closed(self, ready: Future[asyncio.AbstractEventLoop]) -> None:
        self._closing = asyncio.Event()
        ready.set_result(asyncio.get_running_loop())
        await self._closing.wait()
        if self._caller:
            await self._caller.close()

    def _send(self) -> bool:
        busy = Counter(delivery.endpoint_id for delivery in self._under_way.values())
        sent = False
        ready = queue.ready_endpoints()
        # A copy of the database would tell other systems what happened to the original.
        if not ready or restore.is_blocked():
            return False
        for endpoint in ready:
            free = min(PER_ENDPOINT - busy[endpoint.pk], AT_ONCE - len(self._under_way))
            if free <= 0:
                continue
            for delivery in queue.claim(endpoint, limit=free):
                sent = True
                if queue.write_payload(delivery):
                    self._call(endpoint, delivery)
        return sent

    def _call(self, endpoint: WebhookEndpoint, delivery: Any) -> None:
        body, at = delivery.payload.encode(), delivery.leased_at
        secrets = signing.secrets_of(endpoint, at=at)
        headers = signing.headers(delivery.event_id, body, secrets=secrets, at=int(at.timestamp()))
        delivery.request_headers = headers
        future = asyncio.run_coroutine_threadsafe(self._post(endpoint.url, body, headers), self._loop)
        self._under_way[future] = delivery
        future.add_done_callback(lambda _future: self._answered.set())

    async def _post(self, address: str, body: bytes, headers: dict[str, str]) -> Answer:
        if self._caller is None:
            self._caller = Caller()
        return await self._caller.post(address, body, headers)

    def _record(self) -> bool:
        done = [future for future in self._under_way if future.done()]
        for future in done:
            delivery = self._under_way[future]
            try:
                queue.record(delivery, future.result())
            except (OperationalError, InterfaceError):
                raise  # the database is away: recorded once it is back
            except Exception:
                logger.exception("The answer to webhook delivery %s could not be recorded.", delivery.pk)
            del self._under_way[future]
        return bool(done)

    def _finish(self) -> None:
        """Record the answers to what is under way; what has none in time is sent again once its lease ends."""
        until = time.monotonic() + TOTAL_SECONDS
        while self._under_way and time.monotonic() < until:
            self._answered.wait(POLL_SECONDS)
            self._answered.clear()
            self._record()
        self.close()
        connection.close()
