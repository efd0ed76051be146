"""The fake Stripe's own addresses under /_sandbox/: ledger, faults, clock, disputes, refunds, authentication."""

import json
import sqlite3
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from fake_stripe.confirm_payment_intent import resume_after_authentication
from fake_stripe.disputes import close_dispute, open_dispute
from fake_stripe.endpoints import RequestContext
from fake_stripe.errors import ApiError, JsonObject, invalid_parameter
from fake_stripe.intents import fail_authentication
from fake_stripe.refunds import scheduled_status, settle_refund
from fake_stripe.reviews import CLOSED_REASONS, close_review, open_review
from fake_stripe.server import FakeStripe
from fake_stripe.setup_intents import succeed_setup
from fake_stripe.store import public_fields

LEDGER = """
SELECT coalesce(group_concat(json_object({pairs}), ','), '')
FROM (SELECT body FROM objects WHERE kind = '{kind}' ORDER BY seq)
"""
INTENT_FIELDS = ("id", "amount", "currency", "status", "metadata", "created")
REFUND_FIELDS = ("id", "payment_intent", "amount", "status", "metadata", "created")
TAX_FIELDS = ("id", "type", "reference", "reversal", "shipping_cost", "metadata", "created")

Handler = Callable[[Request], Awaitable[Response]]
Action = Callable[[RequestContext, JsonObject], JsonObject]


def control_routes(fake: FakeStripe) -> list[Route]:
    async def faults(request: Request) -> Response:
        if request.method == "POST":
            fake.faults.replace(await _body(request))
        elif request.method == "DELETE":
            fake.faults.clear()
        rules = [vars(rule) for rule in fake.faults.rules]
        counts = dict(fake.faults.counts)
        return JSONResponse({"rules": rules, "webhooks": fake.faults.webhooks, "struck": counts})

    async def clock(request: Request) -> Response:
        seconds = (await _body(request)).get("advance", 0)
        return JSONResponse({"now": fake.store.advance_clock(int(seconds))})

    # Not async, so that Starlette runs it in a thread: a long ledger delays no other request.
    def ledger(_: Request) -> Response:
        return ledger_response(fake)

    async def forget(_: Request) -> Response:
        fake.store.forget()
        fake.faults.clear()
        fake.faults.counts.clear()
        return JSONResponse({})

    return [
        Route("/_sandbox/ledger", ledger, methods=["GET"]),
        Route("/_sandbox/ledger", forget, methods=["DELETE"]),
        Route("/_sandbox/faults", _with_errors(faults), methods=["GET", "POST", "DELETE"]),
        Route("/_sandbox/clock", _with_errors(clock), methods=["GET", "POST"]),
        Route("/_sandbox/disputes", _handler(fake, dispute), methods=["POST"]),
        Route("/_sandbox/disputes/{id}/close", _handler(fake, decide_dispute), methods=["POST"]),
        Route("/_sandbox/reviews", _handler(fake, review), methods=["POST"]),
        Route("/_sandbox/reviews/{id}/close", _handler(fake, end_review), methods=["POST"]),
        Route("/_sandbox/refunds/{id}/settle", _handler(fake, settle_refund_now), methods=["POST"]),
        Route("/_sandbox/3ds/{id}", _handler(fake, authenticate), methods=["POST"]),
    ]


def ledger_response(fake: FakeStripe) -> Response:
    # A connection of its own, since it runs in a thread of its own.
    db = sqlite3.connect(f"file:{fake.store.path}?mode=ro", uri=True, isolation_level=None)
    try:
        db.execute("BEGIN")
        intents, refunds = _rows(db, "payment_intent", INTENT_FIELDS), _rows(db, "refund", REFUND_FIELDS)
        taxes = _rows(db, "tax.transaction", TAX_FIELDS)
    finally:
        db.close()
    body = f'{{"payment_intents": [{intents}], "refunds": [{refunds}], "tax_transactions": [{taxes}]}}'
    return Response(body, media_type="application/json")


def _rows(db: sqlite3.Connection, kind: str, fields: tuple[str, ...]) -> str:
    # `->` keeps JSON as JSON: a metadata hash stays a hash.
    pairs = ", ".join(f"'{name}', json(body -> '$.{name}')" for name in fields)
    return str(db.execute(LEDGER.format(pairs=pairs, kind=kind)).fetchone()[0])


async def _body(request: Request) -> JsonObject:
    try:
        body = json.loads(await request.body() or b"{}")
    except ValueError:
        raise invalid_parameter("The body is not JSON.") from None
    if not isinstance(body, dict):
        raise invalid_parameter("The body is not a JSON object.")
    return body


def _with_errors(handler: Handler) -> Handler:
    async def handle(request: Request) -> Response:
        try:
            return await handler(request)
        except ApiError as error:
            return JSONResponse(error.body("req_sandbox"), error.status)

    return handle


def _handler(fake: FakeStripe, action: Action) -> Handler:
    async def handle(request: Request) -> Response:
        body = await _body(request)
        with fake.store.transaction():
            return JSONResponse(public_fields(action(fake.context(request, params=body), body)))

    return _with_errors(handle)


def dispute(context: RequestContext, body: JsonObject) -> JsonObject:
    return open_dispute(context, _paid_charge(context, body), reason=body.get("reason", "fraudulent"))


def review(context: RequestContext, body: JsonObject) -> JsonObject:
    """Stripe Radar puts a payment up for review."""
    reason = _one_of({"reason": "manual"} | body, "reason", "rule", "manual")
    return open_review(context, _paid_charge(context, body), reason=reason)


def end_review(context: RequestContext, body: JsonObject) -> JsonObject:
    return close_review(context, context.get("review"), reason=_one_of(body, "reason", *CLOSED_REASONS))


def _paid_charge(context: RequestContext, body: JsonObject) -> JsonObject:
    intent = context.get("payment_intent", "payment_intent") if "payment_intent" in body else None
    if intent is None or not intent["latest_charge"]:
        raise invalid_parameter("payment_intent must be one that has been paid.", param="payment_intent")
    return context.store.get("charge", intent["latest_charge"])


def decide_dispute(context: RequestContext, body: JsonObject) -> JsonObject:
    return close_dispute(context, context.get("dispute"), status=_one_of(body, "status", "won", "lost"))


def settle_refund_now(context: RequestContext, body: JsonObject) -> JsonObject:
    """With the status in the body, or else the one that was scheduled."""
    refund = context.get("refund")
    status = {"status": body.get("status") or scheduled_status(context.store, refund)}
    return settle_refund(context, refund, _one_of(status, "status", "succeeded", "failed"))


def _one_of(body: JsonObject, name: str, *choices: str) -> str:
    if body.get(name) not in choices:
        raise invalid_parameter(f"{name} must be {' or '.join(choices)}.", param=name)
    return str(body[name])


def authenticate(context: RequestContext, body: JsonObject) -> JsonObject:
    """The customer completes or fails 3-D Secure."""
    kind = "setup_intent" if context.path["id"].startswith("seti_") else "payment_intent"
    intent = context.get(kind)
    completed = _one_of(body, "outcome", "complete", "fail") == "complete"
    if intent["status"] != "requires_action":
        raise invalid_parameter(f"The intent has a status of {intent['status']}: nothing waits for the customer.")
    if not completed:
        return fail_authentication(context, intent)
    return succeed_setup(context, intent) if kind == "setup_intent" else _resume(context, intent)


def _resume(context: RequestContext, intent: JsonObject) -> JsonObject:
    try:
        return resume_after_authentication(context, intent)
    except ApiError as error:
        if not error.keeps_writes:
            raise
        return context.get("payment_intent")
