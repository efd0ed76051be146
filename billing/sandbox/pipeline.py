"""The way of every API request: key, faults, idempotency, parameters, the endpoint's work, the answer."""

import base64
import binascii
import json
import logging
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from billing.sandbox.calls import API_VERSION, Call, Endpoint
from billing.sandbox.errors import ApiError, Object, malformed
from billing.sandbox.expansion import expanded
from billing.sandbox.faults import DroppedError, Faults
from billing.sandbox.idempotency import Answer, Keys, check_key, fingerprint
from billing.sandbox.parameters import parse
from billing.sandbox.state import State, new_id
from billing.sandbox.webhooks import Courier

FORM = "application/x-www-form-urlencoded"
log = logging.getLogger("billing.sandbox")


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


async def serve(desk: Desk, endpoint: Endpoint | None, request: Request) -> Response:
    """Answer a request to /v1/, or cut its connection where a fault says so."""
    request_id = new_id("req", 14)
    try:
        answer = await _answer(desk, endpoint, request, request_id)
    except ApiError as error:
        answer = _refusal(error, request_id)
    return _response(request, answer, request_id)


async def _answer(desk: Desk, endpoint: Endpoint | None, request: Request, request_id: str) -> Answer:
    publishable = _signed_in(desk, request)
    given = _parameters(request, await request.body())
    key = request.headers.get("idempotency-key") if request.method == "POST" else None
    if key is not None:
        check_key(key)
    told = fingerprint(request.method, request.url.path, given)
    with desk.keys.claim(key, told) as kept:
        try:
            drop = await desk.faults.strike(request.method, request.url.path)
        except ApiError as error:
            return _injected(desk, error, key if kept is None else None, told, request_id)
        call = _begin(desk, request, given, publishable=publishable, request_id=request_id, key=key)
        answer = kept or _work(desk, endpoint, call, told, request)
    if drop:
        raise DroppedError
    return answer


def _injected(desk: Desk, error: ApiError, key: str | None, told: str, request_id: str) -> Answer:
    answer = _refusal(error, request_id)
    if key is not None and error.executed:
        with desk.state.transaction():
            desk.keys.keep(key, told, answer)
    return answer


def _begin(desk: Desk, request: Request, given: Object, *, publishable: bool, request_id: str, key: str | None) -> Call:
    return desk.call(
        params=given,
        path=request.path_params,
        version=request.headers.get("stripe-version", API_VERSION),
        publishable=publishable,
        base_url=str(request.base_url).rstrip("/"),
        request_id=request_id,
        key=key,
    )


def _work(desk: Desk, endpoint: Endpoint | None, call: Call, told: str, request: Request) -> Answer:
    if endpoint is None:
        raise _no_such_address(request)
    if call.publishable and not endpoint.publishable:
        raise _secret_needed()
    call.params = endpoint.schema.check(call.params)
    db = desk.state.db
    db.execute("BEGIN IMMEDIATE")
    try:
        answer = _run(desk, endpoint, call)
        if call.key is not None:
            desk.keys.keep(call.key, told, answer)
    except BaseException:
        db.execute("ROLLBACK")
        raise
    db.execute("COMMIT")
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
