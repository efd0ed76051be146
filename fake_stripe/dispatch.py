"""One API request: authentication, fault rules, idempotency key, parameters, the endpoint's function, the response."""

import json
from dataclasses import dataclass
from email.utils import formatdate

from starlette.requests import Request
from starlette.responses import Response

from fake_stripe.authentication import secret_key_required, uses_publishable_key
from fake_stripe.endpoints import API_VERSION, Endpoint, RequestContext
from fake_stripe.errors import ApiError, JsonObject, invalid_parameter
from fake_stripe.expand import expand_response
from fake_stripe.faults import DroppedError
from fake_stripe.idempotency import StoredResponse, check_key, fingerprint
from fake_stripe.parameters import parse
from fake_stripe.server import FakeStripe
from fake_stripe.store import new_id

FORM = "application/x-www-form-urlencoded"


@dataclass
class ApiCall:
    fake: FakeStripe
    endpoint: Endpoint | None
    request: Request
    context: RequestContext
    fingerprint: str

    def store_response(self, response: StoredResponse) -> None:
        if self.context.idempotency_key is not None:
            self.fake.idempotency.save(self.context.idempotency_key, self.fingerprint, response)


async def dispatch(fake: FakeStripe, endpoint: Endpoint | None, request: Request) -> Response:
    """Raise DroppedError where a fault rule drops the connection."""
    request_id = new_id("req", 14)
    try:
        response = await _respond(await _api_call(fake, endpoint, request, request_id))
    except ApiError as error:
        response = _error_response(error, request_id)
    return _http_response(fake, request, response, request_id)


async def _api_call(fake: FakeStripe, endpoint: Endpoint | None, request: Request, request_id: str) -> ApiCall:
    publishable = uses_publishable_key(fake, request)
    params = _parameters(request, await request.body())
    key = request.headers.get("idempotency-key") if request.method == "POST" else None
    context = fake.context(
        request,
        params=params,
        version=request.headers.get("stripe-version", API_VERSION),
        publishable=publishable,
        request_id=request_id,
        idempotency_key=key if key is None else check_key(key),
    )
    return ApiCall(fake, endpoint, request, context, fingerprint(request.method, request.url.path, params))


async def _respond(call: ApiCall) -> StoredResponse:
    with call.fake.idempotency.reserve(call.context.idempotency_key, call.fingerprint) as stored:
        try:
            drop = await call.fake.faults.apply(call.request.method, call.request.url.path)
        except ApiError as error:
            return _injected_response(call, error, store=stored is None)
        response = stored or _execute(call)
    if drop:
        raise DroppedError
    return response


def _injected_response(call: ApiCall, error: ApiError, *, store: bool) -> StoredResponse:
    response = _error_response(error, str(call.context.request_id))
    if store and error.executed:
        with call.fake.store.transaction():
            call.store_response(response)
    return response


def _execute(call: ApiCall) -> StoredResponse:
    context, endpoint = call.context, call.endpoint
    if endpoint is None:
        raise _unknown_url(call.request)
    if context.publishable and not endpoint.publishable:
        raise secret_key_required()
    context.params = endpoint.schema.check(context.params)
    with call.fake.store.transaction():
        response = _run(endpoint, context)
        call.store_response(response)
    return response


def _run(endpoint: Endpoint, context: RequestContext) -> StoredResponse:
    """Run the endpoint's function; an error rolls its writes back, except a declined card."""
    request_id, db = str(context.request_id), context.store.db
    db.execute("SAVEPOINT endpoint")
    try:
        body = json.dumps(expand_response(context, endpoint.function(context)), indent=2)
        response = StoredResponse(200, body, request_id)
    except ApiError as error:
        if not error.keeps_writes:
            db.execute("ROLLBACK TO endpoint")
        if not error.executed:
            raise
        response = _error_response(error, request_id)
    db.execute("RELEASE endpoint")
    return response


def _error_response(error: ApiError, request_id: str) -> StoredResponse:
    return StoredResponse(error.status, json.dumps(error.body(request_id), indent=2), request_id)


def _http_response(fake: FakeStripe, request: Request, response: StoredResponse, request_id: str) -> Response:
    headers = {
        "Request-Id": request_id,
        "Stripe-Version": request.headers.get("stripe-version", API_VERSION),
        "Access-Control-Allow-Origin": "*",
        "Access-Control-Expose-Headers": "Request-Id",
        "Cache-Control": "no-cache, no-store",
        "Date": formatdate(fake.store.now(), usegmt=True),
    }
    if "idempotency-key" in request.headers:
        headers["Idempotency-Key"] = request.headers["idempotency-key"]
    if response.replayed:
        headers |= {"Idempotent-Replayed": "true", "Original-Request": response.request_id}
    return Response(response.body, response.status, headers, media_type="application/json")


def _unknown_url(request: Request) -> ApiError:
    message = f"Unrecognized request URL ({request.method}: {request.url.path}). Please see https://stripe.com/docs."
    return ApiError(message, status=404, executed=False)


def _parameters(request: Request, body: bytes) -> JsonObject:
    content_type = request.headers.get("content-type", FORM).partition(";")[0].strip().lower()
    if body and content_type != FORM:
        raise invalid_parameter(f"Invalid request (check that your POST content type is {FORM}).")
    try:
        encoded = body.decode()
    except UnicodeDecodeError:
        raise invalid_parameter("Invalid request: the body is not UTF-8.") from None
    return parse("&".join(filter(None, (request.url.query, encoded))))
