"""gunicorn's worker: uvicorn's, with limits on the time that a client may take for its headers and for its answer."""

import asyncio
import os
import signal
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn_worker import UvicornWorker

from backoffice import counters
from pelcro_orders.edge.proxies import Proxies
from pelcro_orders.monitoring.pool import count_pool

HEADER_SECONDS = 10.0
STALLED_SECONDS = 60.0  # in which a client must read some 48 KB, or what is left
TIMED_OUT = b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


class BoundedProtocol(H11Protocol):
    header_timer: asyncio.TimerHandle | None = None
    stalled_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._time_headers()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._time_headers()

    def _time_headers(self) -> None:
        """From the first byte, or the connection, until the headers are whole; then the edge times the body."""
        cycle: Any = self.cycle  # None before the first request
        waiting = cycle is None or cycle.response_complete
        if waiting and self.header_timer is None:
            self.header_timer = self.loop.call_later(HEADER_SECONDS, self._headers_too_slow)
        elif not waiting and self.header_timer is not None:
            self.header_timer.cancel()
            self.header_timer = None

    def _headers_too_slow(self) -> None:
        if not self.transport.is_closing():
            self.transport.write(TIMED_OUT)
            self.transport.close()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._time_reading()

    def resume_writing(self) -> None:
        super().resume_writing()
        if self.stalled_timer is not None:
            self.stalled_timer.cancel()
            self.stalled_timer = None

    def _time_reading(self) -> None:
        if self.stalled_timer is None:
            self.stalled_timer = self.loop.call_later(STALLED_SECONDS, self.transport.abort)

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._abort_unread()

    def timeout_keep_alive_handler(self) -> None:
        super().timeout_keep_alive_handler()
        self._abort_unread()

    def _abort_unread(self) -> None:
        # close() waits for the client to read the rest, which it may never do.
        if self.transport.is_closing() and self.transport.get_write_buffer_size():
            self._time_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        for timer in (self.header_timer, self.stalled_timer):
            if timer is not None:
                timer.cancel()


class Worker(UvicornWorker):  # type: ignore[misc]
    CONFIG_KWARGS = {
        "loop": "asyncio",
        "http": BoundedProtocol,
        "ws": "none",
        "lifespan": "off",
        "server_header": False,
        "proxy_headers": False,  # edge/proxies.py and TRUSTED_PROXIES decide
        "access_log": False,
        "timeout_notify": 1,
    }

    async def callback_notify(self) -> None:
        await super().callback_notify()
        if os.getppid() != self.ppid:  # gunicorn was killed: nobody would end this process, nor restart it
            os.kill(os.getpid(), signal.SIGTERM)

    def load_wsgi(self) -> Any:
        super().load_wsgi()
        counters.flush_in_background(count_pool)
        if self.cfg.threads > 1:
            self.wsgi.set_threads(self.cfg.threads)
        all_believed = "*" in self.cfg.forwarded_allow_ips
        self.wsgi.proxies = Proxies(self.cfg.forwarded_allow_networks(), all_believed=all_believed)
