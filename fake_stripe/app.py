"""The ASGI application, and what it does beside answering."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from fake_stripe import customers, events, payment_intents, refunds, setup_intents, tokens
from fake_stripe.calls import ENDPOINTS, Endpoint
from fake_stripe.control import routes
from fake_stripe.errors import ApiError
from fake_stripe.faults import DroppedError
from fake_stripe.pages import page_routes
from fake_stripe.pipeline import Desk, serve
from fake_stripe.refunds import settle

# Importing an endpoint's module enters it in ENDPOINTS.
MODULES = (customers, events, payment_intents, refunds, setup_intents, tokens)
TICK = 0.25
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]
# Browsers ask before they send a publishable key from another origin.
PREFLIGHT = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "GET, POST, DELETE",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, Idempotency-Key, Stripe-Version",
    "Access-Control-Max-Age": "300",
}
log = logging.getLogger("fake_stripe")


def application(desk: Desk) -> Starlette:
    """Put the addresses together."""
    api: list[BaseRoute] = [_entered(desk, endpoint) for endpoint in _specific_first()]
    rest = Route("/v1/{rest:path}", _served(desk, None), methods=METHODS)
    preflight = Route("/v1/{rest:path}", _preflight, methods=["OPTIONS"])
    return Starlette(
        routes=[*routes(desk), *page_routes(desk), preflight, *api, rest],
        exception_handlers={Exception: _broken},
        lifespan=lambda _: _living(desk),
    )


async def _preflight(_: Request) -> Response:
    return Response(status_code=204, headers=PREFLIGHT)


async def _broken(_request: Request, _error: Exception) -> Response:
    # Starlette raises the error again after this answer, so that it is logged.
    return JSONResponse({"error": {"type": "api_error", "message": "The sandbox has a bug: see its log."}}, 500)


def _specific_first() -> list[Endpoint]:
    return sorted(ENDPOINTS, key=lambda endpoint: endpoint.path.count("{"))


def _entered(desk: Desk, endpoint: Endpoint) -> Route:
    return Route(endpoint.path, _served(desk, endpoint), methods=[endpoint.method])


Handler = Callable[[Request], Awaitable[Response]]


def _served(desk: Desk, endpoint: Endpoint | None) -> Handler:
    async def answer(request: Request) -> Response:
        try:
            return await serve(desk, endpoint, request)
        except DroppedError:
            return Dropped()

    return answer


class Dropped(Response):
    """No answer at all: the connection is cut."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - nothing is sent
        """Reset the connection and wait until it is gone."""
        scope["transport"].abort()
        while (await receive())["type"] != "http.disconnect":
            continue


@contextlib.asynccontextmanager
async def _living(desk: Desk) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(desk.courier.run()), asyncio.create_task(_settle_due(desk))]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        desk.state.close()


async def _settle_due(desk: Desk) -> None:
    while True:
        await asyncio.sleep(TICK)
        query = "SELECT refund, status FROM timers WHERE due <= ?"
        for identifier, status in desk.state.db.execute(query, (desk.state.now(),)).fetchall():
            _settle(desk, identifier, status)


def _settle(desk: Desk, identifier: str, status: str) -> None:
    call = desk.call(path={"id": identifier})
    try:
        with desk.state.transaction():
            settle(call, call.get("refund"), status)
    except ApiError:
        log.exception("refund %s could not be settled", identifier)
