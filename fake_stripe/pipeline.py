"""The way of every API request: key, faults, idempotency, parameters, the endpoint's work, the answer."""

import base64
import binascii
import json
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from fake_stripe.calls import API_VERSION, Call, Endpoint
from fake_stripe.errors import ApiError, Object, malformed
from fake_stripe.expansion import expanded
from fake_stripe.faults import DroppedError, Faults
from fake_stripe.idempotency import Answer, Keys, check_key, fingerprint
from fake_stripe.parameters import parse
from fake_stripe.state import State, new_id
from fake_stripe.webhooks import Courier

FORM = "application/x-www-form-urlencoded"


@dataclass
class Desk:
    """What serves requests."""

    state: State
    faults: Faults
    keys: Keys
    courier: Courier
    secret_key: str
    publishable_key: str

    def call(self, **known: object) -> Call:
        """Begin a call; one of the sandbox's own has no request."""
        return Call(self.state, self.courier, **known)  # type: ignore[arg-type]


@dataclass
class Exchange:
    """One request on its way through."""

    desk: Desk
    endpoint: Endpoint | None
    request: Request
    request_id: str
    key: str | None = None
    told: str = ""


async def serve(desk: Desk, endpoint: Endpoint | None, request: Request) -> Response:
    """Answer a request to /v1/, or cut its connection where a fault says so."""
    exchange = Exchange(desk, endpoint, request, new_id("req", 14))
    try:
        answer = await _answer(exchange)
    except ApiError as error:
        answer = _refusal(error, exchange.request_id)
    return _response(request, answer, exchange.request_id)


async def _answer(exchange: Exchange) -> Answer:
    desk, request = exchange.desk, exchange.request
    call = await _begun(exchange)
    with desk.keys.claim(exchange.key, exchange.told) as kept:
        try:
            drop = await desk.faults.strike(request.method, request.url.path)
        except ApiError as error:
            return _injected(exchange, error, keep=kept is None)
        answer = kept or _work(exchange, call)
    if drop:
        raise DroppedError
    return answer


async def _begun(exchange: Exchange) -> Call:
    request = exchange.request
    publishable = _signed_in(exchange.desk, request)
    given = _parameters(request, await request.body())
    if request.method == "POST" and "idempotency-key" in request.headers:
        exchange.key = check_key(request.headers["idempotency-key"])
    exchange.told = fingerprint(request.method, request.url.path, given)
    return exchange.desk.call(
        params=given,
        path=request.path_params,
        version=request.headers.get("stripe-version", API_VERSION),
        publishable=publishable,
        base_url=str(request.base_url).rstrip("/"),
        request_id=exchange.request_id,
        key=exchange.key,
    )


def _injected(exchange: Exchange, error: ApiError, *, keep: bool) -> Answer:
    answer = _refusal(error, exchange.request_id)
    if keep and exchange.key is not None and error.executed:
        with exchange.desk.state.transaction():
            exchange.desk.keys.keep(exchange.key, exchange.told, answer)
    return answer


def _work(exchange: Exchange, call: Call) -> Answer:
    desk, endpoint = exchange.desk, exchange.endpoint
    if endpoint is None:
        raise _no_such_address(exchange.request)
    if call.publishable and not endpoint.publishable:
        raise _secret_needed()
    call.params = endpoint.schema.check(call.params)
    with desk.state.transaction():
        answer = _run(desk, endpoint, call)
        if exchange.key is not None:
            desk.keys.keep(exchange.key, exchange.told, answer)
    return answer


def _run(desk: Desk, endpoint: Endpoint, call: Call) -> Answer:
    """Do the work; where it is refused, undo what was written on the way, but for a decline."""
    request_id = str(call.request_id)
    db = desk.state.db
    db.execute("SAVEPOINT work")
    try:
        body = json.dumps(expanded(call, endpoint.run(call)), indent=2)
        answer = Answer(200, body, request_id)
    except ApiError as error:
        if not error.commits:
            db.execute("ROLLBACK TO work")
        if not error.executed:
            raise
        answer = _refusal(error, request_id)
    db.execute("RELEASE work")
    return answer


def _refusal(error: ApiError, request_id: str) -> Answer:
    return Answer(error.status, json.dumps(error.body(request_id), indent=2), request_id)


def _response(request: Request, answer: Answer, request_id: str) -> Response:
    headers = {
        "Request-Id": request_id,
        "Stripe-Version": request.headers.get("stripe-version", API_VERSION),
        "Access-Control-Allow-Origin": "*",
        "Access-Control-Expose-Headers": "Request-Id",
        "Cache-Control": "no-cache, no-store",
    }
    if "idempotency-key" in request.headers:
        headers["Idempotency-Key"] = request.headers["idempotency-key"]
    if answer.replayed:
        headers |= {"Idempotent-Replayed": "true", "Original-Request": answer.request_id}
    return Response(answer.body, answer.status, headers, media_type="application/json")


def _signed_in(desk: Desk, request: Request) -> bool:
    """Say whether the key is the publishable one; refuse any that is neither."""
    key = _key(request)
    if key == desk.secret_key:
        return False
    if key == desk.publishable_key:
        return True
    raise _unauthorized(key)


def _key(request: Request) -> str:
    scheme, _, rest = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return rest.strip()
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(rest).decode().partition(":")[0]
        except (binascii.Error, UnicodeDecodeError):
            return ""
    return ""


def _unauthorized(key: str) -> ApiError:
    if not key:
        message = (
            "You did not provide an API key. You need to provide your API key in the Authorization header, using "
            "Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY')."
        )
        return ApiError(message, status=401, executed=False)
    return ApiError(f"Invalid API Key provided: {key[:8]}****{key[-4:]}", status=401, executed=False)


def _secret_needed() -> ApiError:
    message = "This API call cannot be made with a publishable API key. Please use a secret API key."
    return ApiError(message, status=401, code="secret_key_required", executed=False)


def _no_such_address(request: Request) -> ApiError:
    message = f"Unrecognized request URL ({request.method}: {request.url.path}). Please see https://stripe.com/docs."
    return ApiError(message, status=404, executed=False)


def _parameters(request: Request, body: bytes) -> Object:
    sent_as = request.headers.get("content-type", FORM).partition(";")[0].strip().lower()
    if body and sent_as != FORM:
        raise malformed(f"Invalid request (check that your POST content type is {FORM}).")
    try:
        encoded = body.decode()
    except UnicodeDecodeError:
        raise malformed("Invalid request: the body is not UTF-8.") from None
    return parse("&".join(filter(None, (request.url.query, encoded))))
