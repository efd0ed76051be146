"""From the commit of what happens to the first byte of its webhook, with one endpoint of ten that never answers."""

import json
import socket
import statistics
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_network

from django.conf import settings
from django.utils import timezone

from benchmarks.figures import Figure
from benchmarks.isolated import OURS, IsolatedProcess
from benchmarks.shop import Shop
from customers.actors import SYSTEM
from ecommerce.models import Order, OrderEvent, WebhookDelivery, WebhookEndpoint
from ecommerce.orders.history import new_event
from ecommerce.webhooks.sender import Sender

SECONDS, EVERY = 30, 0.25
ENDPOINTS = 10
PROCESSES = 2  # as a worker of `make run` has
DEAD = "/dead"
START_SECONDS, LAST_SECONDS = 4.0, 60.0
TWENTIETHS = 20


class Endpoint(BaseHTTPRequestHandler):
    """Notes when the first byte of each event came."""

    came: list[tuple[int, float]]
    over: threading.Event

    def handle_one_request(self) -> None:
        self.connection.recv(1, socket.MSG_PEEK)
        self.at = time.monotonic()
        super().handle_one_request()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        if self.path == DEAD:
            self.over.wait()
            return
        self.came.append((json.loads(body)["sequence"], self.at))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""


def figures(shop: Shop, *, size: str, seconds: int = SECONDS) -> list[Figure]:
    orders = [Order.objects.get(pk=each) for each in shop.sell(int(seconds / EVERY))]
    Endpoint.came, Endpoint.over = [], threading.Event()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Endpoint)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    _make_endpoints(f"http://127.0.0.1:{server.server_port}")
    try:
        committed = _measured(orders)
    finally:
        Endpoint.over.set()
        server.shutdown()
        server.server_close()
    times = [(at - committed[sequence]) * 1000 for sequence, at in Endpoint.came]
    value, note = statistics.quantiles(times, n=TWENTIETHS)[-1], f"p95; median {statistics.median(times):.0f} ms"
    return [Figure(name="webhook_first_byte", size=size, value=value, unit="ms", note=note)]


def _make_endpoints(address: str) -> None:
    paths = [DEAD, *(f"/{number}" for number in range(1, ENDPOINTS))]
    WebhookEndpoint.objects.bulk_create(WebhookEndpoint(url=f"{address}{path}") for path in paths)


def _measured(orders: list[Order]) -> dict[int, float]:
    """Let something happen to an order four times a second; return when each was committed, by its sequence."""
    senders = [IsolatedProcess("benchmarks.webhooks", OURS).start() for _ in range(PROCESSES)]
    time.sleep(START_SECONDS)
    committed = {}
    for order in orders:
        event = new_event(order, OrderEvent.Kind.HELD, by=SYSTEM, at=timezone.now())
        event.save()
        committed[event.pk] = time.monotonic()
        time.sleep(EVERY)
    until = time.monotonic() + LAST_SECONDS
    while len(Endpoint.came) < len(orders) * (ENDPOINTS - 1):
        if time.monotonic() > until:
            raise AssertionError(f"Of {len(orders)} events to {ENDPOINTS - 1} endpoints {len(Endpoint.came)} arrived.")
        time.sleep(EVERY)
    WebhookDelivery.objects.all().delete()
    WebhookEndpoint.objects.all().delete()
    for sender in senders:
        sender.result()
    return committed


def measure() -> int:
    """Be the sender of a worker's process until no endpoint is left."""
    settings.WEBHOOK_PRIVATE_ADDRESSES = [ip_network("127.0.0.0/8")]
    over = threading.Event()
    sending = threading.Thread(target=Sender().run, args=(over,))
    sending.start()
    while WebhookEndpoint.objects.exists():
        time.sleep(EVERY)
    over.set()
    sending.join()
    return 0
