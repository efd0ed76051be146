"""The sandbox's own addresses under /_sandbox/: ledger, faults, clock, disputes, refunds, authentication."""

import json
import sqlite3
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from fake_stripe.calls import Call
from fake_stripe.confirmation import authenticated, not_authenticated
from fake_stripe.disputes import close_dispute, open_dispute
from fake_stripe.errors import ApiError, Object, malformed
from fake_stripe.pipeline import Desk
from fake_stripe.refunds import settle
from fake_stripe.setup_intents import not_saved, saved
from fake_stripe.state import public

LEDGER = """
SELECT coalesce(group_concat(json_object({pairs}), ','), '')
FROM (SELECT body FROM objects WHERE kind = '{kind}' ORDER BY seq)
"""
INTENT_FIELDS = ("id", "amount", "currency", "status", "metadata", "created")
REFUND_FIELDS = ("id", "payment_intent", "amount", "status", "metadata", "created")

Act = Callable[[Call, Object], Object]


def ledger(desk: Desk) -> Response:
    """Give every payment intent and refund, from a connection of its own: a long book stops nobody's request."""
    db = sqlite3.connect(f"file:{desk.state.path}?mode=ro", uri=True, isolation_level=None)
    try:
        db.execute("BEGIN")
        books = {"payment_intents": _book(db, "payment_intent", INTENT_FIELDS)}
        books["refunds"] = _book(db, "refund", REFUND_FIELDS)
    finally:
        db.close()
    body = ", ".join(f'"{name}": [{rows}]' for name, rows in books.items())
    return Response(f"{{{body}}}", media_type="application/json")


def _book(db: sqlite3.Connection, kind: str, fields: tuple[str, ...]) -> str:
    # `->` keeps JSON as JSON: a metadata hash stays a hash.
    pairs = ", ".join(f"'{name}', json(body -> '$.{name}')" for name in fields)
    return str(db.execute(LEDGER.format(pairs=pairs, kind=kind)).fetchone()[0])


async def _told(request: Request) -> Object:
    try:
        told = json.loads(await request.body() or b"{}")
    except ValueError:
        raise malformed("The body is not JSON.") from None
    if not isinstance(told, dict):
        raise malformed("The body is not a JSON object.")
    return told


def routes(desk: Desk) -> list[Route]:
    """Give the addresses."""

    async def faults(request: Request) -> Response:
        if request.method == "POST":
            desk.faults.replace(await _told(request))
        elif request.method == "DELETE":
            desk.faults.clear()
        rules = [vars(rule) for rule in desk.faults.rules]
        struck = dict(desk.faults.struck)
        return JSONResponse({"rules": rules, "webhooks": desk.faults.webhooks, "struck": struck})

    async def clock(request: Request) -> Response:
        seconds = (await _told(request)).get("advance", 0)
        return JSONResponse({"now": desk.state.advance(int(seconds))})

    def book(_: Request) -> Response:
        return ledger(desk)

    return [
        Route("/_sandbox/ledger", book),
        Route("/_sandbox/faults", _shaped(faults), methods=["GET", "POST", "DELETE"]),
        Route("/_sandbox/clock", _shaped(clock), methods=["GET", "POST"]),
        Route("/_sandbox/disputes", _acting(desk, dispute), methods=["POST"]),
        Route("/_sandbox/disputes/{id}/close", _acting(desk, decide), methods=["POST"]),
        Route("/_sandbox/refunds/{id}/settle", _acting(desk, settle_now), methods=["POST"]),
        Route("/_sandbox/3ds/{id}", _acting(desk, authenticate), methods=["POST"]),
    ]


Handler = Callable[[Request], Awaitable[Response]]


def _shaped(handler: Handler) -> Handler:
    async def answer(request: Request) -> Response:
        try:
            return await handler(request)
        except ApiError as error:
            return JSONResponse(error.body("req_sandbox"), error.status)

    return answer


def _acting(desk: Desk, act: Act) -> Handler:
    async def answer(request: Request) -> Response:
        told = await _told(request)
        call = desk.call(params=told, path=request.path_params, base_url=str(request.base_url).rstrip("/"))
        with desk.state.transaction():
            return JSONResponse(public(act(call, told)))

    return _shaped(answer)


def dispute(call: Call, told: Object) -> Object:
    """Have the bank dispute a payment."""
    intent = call.get("payment_intent", "payment_intent") if "payment_intent" in told else None
    if intent is None or not intent["latest_charge"]:
        raise malformed("payment_intent must be one that has been paid.", param="payment_intent")
    charge = call.state.find("charge", intent["latest_charge"]) or {}
    return open_dispute(call, charge, reason=told.get("reason", "fraudulent"))


def decide(call: Call, told: Object) -> Object:
    """Have the bank decide a dispute."""
    status = told.get("status")
    if status not in {"won", "lost"}:
        raise malformed("status must be won or lost.", param="status")
    return close_dispute(call, call.get("dispute"), status=status)


def settle_now(call: Call, told: Object) -> Object:
    """Settle a refund: as it would be in time, or with the status given."""
    refund = call.get("refund")
    query = "SELECT status FROM timers WHERE refund = ?"
    row = call.state.db.execute(query, (refund["id"],)).fetchone()
    status = told.get("status") or (row[0] if row else "succeeded")
    if status not in {"succeeded", "failed"}:
        raise malformed("status must be succeeded or failed.", param="status")
    return settle(call, refund, status)


def authenticate(call: Call, told: Object) -> Object:
    """Have the customer complete or fail the authentication of an intent."""
    kind = "setup_intent" if call.path["id"].startswith("seti_") else "payment_intent"
    intent = call.get(kind)
    outcome = told.get("outcome")
    if outcome not in {"complete", "fail"}:
        raise malformed("outcome must be complete or fail.", param="outcome")
    if intent["status"] != "requires_action":
        raise malformed(f"The intent has a status of {intent['status']}: nothing waits for the customer.")
    if kind == "setup_intent":
        return saved(call, intent) if outcome == "complete" else not_saved(call, intent)
    return _go_on(call, intent) if outcome == "complete" else not_authenticated(call, intent)


def _go_on(call: Call, intent: Object) -> Object:
    try:
        return authenticated(call, intent)
    except ApiError as error:
        if not error.commits:
            raise
        return call.get("payment_intent")
