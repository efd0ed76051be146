"""The ASGI application: takes in the body, has Django answer in a thread, hands out the answer as the client reads."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from django.db import InterfaceError, OperationalError, close_old_connections

from pelcro_orders.database_errors import is_unavailable
from pelcro_orders.edge import limits, wsgi
from pelcro_orders.edge.bodies import Body, ClientGone, linger, read_body
from pelcro_orders.edge.proxies import Proxies

THREADS = 8  # of a process; each holds one connection to PostgreSQL
LIVE = "/livez"


def _limits_of_sender(environ: wsgi.Environ) -> limits.Limits:
    close_old_connections()  # which Django does at the start of a request, and this comes before
    try:
        return limits.upload() if limits.may_send_file(environ) else limits.ordinary()
    except (OperationalError, InterfaceError) as error:
        if is_unavailable(error):
            return replace(limits.ordinary(), refusal=limits.UNAVAILABLE)
        raise


async def _say_alive(send: Any) -> None:
    """Answer without a thread: neither a server that is away nor many requests make this process look dead."""
    headers = [(b"content-type", b"text/plain"), (b"cache-control", b"no-store")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"alive\n", "more_body": False})


class Edge:
    def __init__(self, application: wsgi.Application) -> None:
        self.application, self.proxies = application, Proxies()
        self.set_threads(THREADS)

    def set_threads(self, count: int) -> None:
        self.pool = ThreadPoolExecutor(count, thread_name_prefix="request")  # starts none until the first request

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] == LIVE:
            await _say_alive(send)
            return
        environ = wsgi.environ_of(scope)
        self.proxies.drop_unbelieved(environ)
        try:
            allowed = await self._limits(environ)
            body = await read_body(receive, allowed, limits.content_length(environ))
        except ClientGone:
            return
        refusal = allowed.refusal or body.refusal
        environ |= {"wsgi.input": body.file, "CONTENT_LENGTH": str(body.size), limits.REFUSAL: refusal}
        with body.file:
            response = await self._in_thread(wsgi.run, self.application, environ)
        await self._respond(response, body, receive, send)

    async def _in_thread(self, function: Callable[..., Any], *arguments: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self.pool, function, *arguments)

    async def _limits(self, environ: wsgi.Environ) -> limits.Limits:
        if environ["REQUEST_METHOD"] == "POST" and limits.takes_files(environ["PATH_INFO"]):
            return await self._in_thread(_limits_of_sender, environ)  # type: ignore[no-any-return]
        return limits.ordinary()

    async def _respond(self, response: wsgi.Response, body: Body, receive: Any, send: Any) -> None:
        headers = [*response.headers, *([(b"connection", b"close")] if body.refusal else [])]
        await send({"type": "http.response.start", "status": response.status, "headers": headers})
        if len(response.first) < wsgi.BLOCK and not body.refusal:
            await send({"type": "http.response.body", "body": response.first, "more_body": False})
            return
        await self._send_blocks(response, receive, send)
        if body.refusal:
            await linger(receive)
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _send_blocks(self, response: wsgi.Response, receive: Any, send: Any) -> None:
        """Send block by block; between two no thread is held, however slowly the client reads."""
        await send({"type": "http.response.body", "body": response.first, "more_body": True})
        if len(response.first) < wsgi.BLOCK:
            return
        gone = asyncio.ensure_future(receive())
        try:
            while not gone.done() and (block := await self._in_thread(response.file.read, wsgi.BLOCK)):
                await send({"type": "http.response.body", "body": block, "more_body": True})
        finally:
            gone.cancel()
            await self._in_thread(response.file.close)
