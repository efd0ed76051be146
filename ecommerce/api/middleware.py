"""Checks of every request to the API, before anything can log or store its body: rate, size, card numbers, text.

It also gives Django's own error pages the API's JSON shape.
"""

import json
import math
from collections.abc import Callable, Iterator
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, UnreadablePostError
from django.utils.translation import gettext as _

from backoffice.card_numbers import holds_card_number
from backoffice.request_text import is_query_text, is_text
from ecommerce.api.errors import error_response
from ecommerce.api.throttling import MINUTE, address_allowed

GetResponse = Callable[[HttpRequest], HttpResponse]
PREFIX = "/api/v1/"
KEY = "Idempotency-Key"  # the one header that is stored
# The server closes a connection on which more than a little was left unread; up to here it is read for nothing.
DRAINED_BYTES = 1024 * 1024


def api_middleware(get_response: GetResponse) -> GetResponse:
    def handle(request: HttpRequest) -> HttpResponse:
        if not request.path_info.startswith(PREFIX):
            return get_response(request)
        response = _rejection(request) or _in_api_shape(get_response(request))
        # Tokens, addresses and orders must not be cached.
        response.headers.setdefault("Cache-Control", "no-store")
        return response

    return handle


def _rejection(request: HttpRequest) -> HttpResponse | None:
    checks = (_check_rate, _check_transfer_encoding, _check_content_length, _check_values)
    try:
        rejection = next(filter(None, (check(request) for check in checks)), None)
        if rejection and _content_length(request) <= DRAINED_BYTES:
            while request.read(settings.API_BODY_BYTES):
                pass
    except UnreadablePostError:  # the client closed the connection
        return error_response("malformed", _("The body ended early."))
    return rejection


def _check_rate(request: HttpRequest) -> HttpResponse | None:
    if address_allowed(request):
        return None
    sentence = _("Too many requests from this address: wait a minute.")
    return error_response("too_many_requests", sentence, retry_after=MINUTE)


def _check_transfer_encoding(request: HttpRequest) -> HttpResponse | None:
    # Django would take a chunked body for an empty one.
    if "chunked" in request.headers.get("Transfer-Encoding", "").lower():
        return error_response("length_required", _("Send the body whole, with its Content-Length."))
    return None


def _check_content_length(request: HttpRequest) -> HttpResponse | None:
    if _content_length(request) > settings.API_BODY_BYTES:
        return error_response("too_large", _("A body has at most %(most)s bytes.") % {"most": settings.API_BODY_BYTES})
    return None


def _content_length(request: HttpRequest) -> int:
    length = request.META.get("CONTENT_LENGTH") or "0"
    return int(length[:15]) if length.isascii() and length.isdigit() else 0


def _check_values(request: HttpRequest) -> HttpResponse | None:
    """Check every name and value sent, wherever it stands."""
    if not is_query_text(request):
        return error_response("malformed", _("The address holds characters that no text has."))
    try:
        body = _parse(request.body)
    except _DuplicateFieldError:
        return error_response("malformed", _("The body names a field twice."))
    except _NotANumberError:
        return error_response("malformed", _("The body holds a number that JSON does not have."))
    for field, value in _values(request, body):
        rejection = _check_text(field, value) or _check_card_number(field, value)
        if rejection:
            return rejection
    return None


def _check_text(field: str, value: Any) -> HttpResponse | None:
    if not is_text(str(value)):
        return error_response("malformed", _("A text holds a character that no text has."), field=field)
    return None


def _check_card_number(field: str, value: Any) -> HttpResponse | None:
    if isinstance(value, float) or not holds_card_number(str(value)):
        return None
    sentence = _("This looks like a card's number, which must never come here: send a token of Stripe's.")
    return error_response("card_number_refused", sentence, field=field)


class _DuplicateFieldError(Exception):
    """One field twice in an object: two readers of the body could take different values."""


class _NotANumberError(Exception):
    """NaN or Infinity, which Python's reader of JSON takes and no other does, or a number beyond all floats."""


def _parse(body: bytes) -> Any:
    read: Any = {"object_pairs_hook": _unique_fields, "parse_constant": _finite, "parse_float": _finite}
    try:
        return json.loads(body, **read) if body else None
    except (ValueError, RecursionError):
        return None  # the operation that reads it answers with the error


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise _NotANumberError
    return number


def _unique_fields(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise _DuplicateFieldError
    return fields


def _values(request: HttpRequest, body: Any) -> Iterator[tuple[str, Any]]:
    """Yield the field's name and the value, for path, key, query and body; names of fields count as values too."""
    yield "", request.path_info
    yield KEY, request.headers.get(KEY, "")
    for name, values in request.GET.lists():
        yield "", name
        yield from ((name, value) for value in values)
    yield from _body_values(body)


def _body_values(body: Any) -> Iterator[tuple[str, Any]]:
    # A stack of our own: a deeply nested body must not end in a RecursionError.
    stack = [("", body)]
    while stack:
        path, value = stack.pop()
        if isinstance(value, dict):
            yield from ((path, key) for key in value)
            stack += [(f"{path}.{key}".lstrip("."), child) for key, child in value.items()]
        elif isinstance(value, list):
            stack += [(f"{path}.{index}".lstrip("."), child) for index, child in enumerate(value)]
        else:
            yield path, value


def _in_api_shape(response: HttpResponse) -> HttpResponse:
    if response.headers.get("Content-Type", "").startswith("application/json"):
        return response
    match response.status_code:
        case 400:
            return error_response("malformed", _("The request can't be read."))
        case 404:
            return error_response("not_found", _("There is nothing at this address."))
        case 405:
            error = error_response("method_not_allowed", _("This address does not take this method."))
            error["Allow"] = response.headers.get("Allow", "")
            return error
        case 500:
            return error_response("internal_error", _("Something went wrong here; it was logged."))
        case _:
            return response
