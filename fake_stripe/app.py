"""The ASGI application and its background tasks."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from fake_stripe import customers, events, payment_intents, refunds, setup_intents, tax_transactions, tokens
from fake_stripe.control_api import control_routes
from fake_stripe.dispatch import dispatch
from fake_stripe.endpoints import ENDPOINTS, Endpoint
from fake_stripe.faults import DroppedError
from fake_stripe.pages import page_routes
from fake_stripe.refunds import due_refunds, settle_refund
from fake_stripe.server import FakeStripe

# Importing a module registers its endpoints.
MODULES = (customers, events, payment_intents, refunds, setup_intents, tax_transactions, tokens)
POLL_SECONDS = 0.25
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]
# Browsers send a preflight request before one with a publishable key from another origin.
PREFLIGHT = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "GET, POST, DELETE",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, Idempotency-Key, Stripe-Version",
    "Access-Control-Max-Age": "300",
}
Handler = Callable[[Request], Awaitable[Response]]


def application(fake: FakeStripe) -> Starlette:
    # A literal path goes before one with a parameter.
    endpoints = sorted(ENDPOINTS, key=lambda endpoint: endpoint.path.count("{"))
    api: list[BaseRoute] = [Route(each.path, _handler(fake, each), methods=[each.method]) for each in endpoints]
    unknown = Route("/v1/{rest:path}", _handler(fake, None), methods=METHODS)
    preflight = Route("/v1/{rest:path}", _preflight, methods=["OPTIONS"])
    return Starlette(
        routes=[*control_routes(fake), *page_routes(fake), preflight, *api, unknown],
        exception_handlers={Exception: _internal_error},
        lifespan=lambda _: _lifespan(fake),
    )


async def _preflight(_: Request) -> Response:
    return Response(status_code=204, headers=PREFLIGHT)


async def _internal_error(_request: Request, _error: Exception) -> Response:
    # Starlette raises the error again after this response, so that it is logged.
    return JSONResponse({"error": {"type": "api_error", "message": "The fake Stripe has a bug: see its log."}}, 500)


def _handler(fake: FakeStripe, endpoint: Endpoint | None) -> Handler:
    async def handle(request: Request) -> Response:
        try:
            return await dispatch(fake, endpoint, request)
        except DroppedError:
            return Dropped()

    return handle


class Dropped(Response):
    """No response: the connection is reset."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - nothing is sent
        scope["transport"].abort()
        while (await receive())["type"] != "http.disconnect":
            continue


@contextlib.asynccontextmanager
async def _lifespan(fake: FakeStripe) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(fake.webhooks.run()), asyncio.create_task(_settle_refunds(fake))]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        fake.store.close()


async def _settle_refunds(fake: FakeStripe) -> None:
    while True:
        await asyncio.sleep(POLL_SECONDS)
        for refund_id, status in due_refunds(fake.store):
            with fake.store.transaction():
                settle_refund(fake.context(), fake.store.get("refund", refund_id), status)
