"""What no request of the API gets past: too many, too large, a card's number, text that no database takes.

It stands before everything that could log or keep a body, and gives Django's own answers the API's shape.
"""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, UnreadablePostError
from django.utils.translation import gettext as _

from ecommerce.api.errors import refuse
from ecommerce.api.throttling import MINUTE, address_allowed

Handler = Callable[[HttpRequest], HttpResponse]
PREFIX = "/api/v1/"
# 13 to 19 digits, perhaps in groups. Cards begin with 2 to 6; a plus makes it a telephone number.
CARD_LIKE = re.compile(r"(?<![\d+])[2-6](?:[ -]?\d){12,18}(?!\d)")
UNTAKEABLE = re.compile("[\x00\ud800-\udfff]")
KEY = "Idempotency-Key"  # the one header that is kept
# The server closes a connection on which more than a little was left unread; up to here it is read for nothing.
DRAINED_BYTES = 1024 * 1024


class _Ambiguous(Exception):
    """A body that names one field twice; each who reads it may take another."""


def guard(get_response: Handler) -> Handler:
    """Guard the API's addresses."""

    def handle(request: HttpRequest) -> HttpResponse:
        if not request.path_info.startswith(PREFIX):
            return get_response(request)
        response = _objection(request) or _shaped(get_response(request))
        # Tokens, addresses and orders are nothing for a cache.
        response.headers.setdefault("Cache-Control", "no-store")
        return response

    return handle


def _objection(request: HttpRequest) -> HttpResponse | None:
    try:
        refused = _outside(request) or _inside(request)
        if refused and _length(request) <= DRAINED_BYTES:
            while request.read(settings.API_BODY_BYTES):
                pass
    except UnreadablePostError:  # whoever sent it is gone
        return refuse("malformed", _("The body ended early."))
    return refused


def _outside(request: HttpRequest) -> HttpResponse | None:
    """Object to what is seen without reading the body."""
    if not address_allowed(request):
        sentence = _("Too many requests from this address: wait a minute.")
        return refuse("too_many_requests", sentence, retry_after=MINUTE)
    if "chunked" in request.headers.get("Transfer-Encoding", "").lower():
        return refuse("length_required", _("Send the body whole, with its Content-Length."))
    if _length(request) > settings.API_BODY_BYTES:
        return refuse("too_large", _("A body has at most %(most)s bytes.") % {"most": settings.API_BODY_BYTES})
    return None


def _length(request: HttpRequest) -> int:
    length = request.META.get("CONTENT_LENGTH") or "0"
    return int(length[:15]) if length.isascii() and length.isdigit() else 0


def _inside(request: HttpRequest) -> HttpResponse | None:
    """Object to something that was sent."""
    try:
        body = json.loads(request.body, object_pairs_hook=_once) if request.body else None
    except _Ambiguous:
        return refuse("malformed", _("The body names a field twice."))
    except (ValueError, RecursionError):
        body = None  # whoever reads it says so
    for field, value in _sent(request, body):
        text = str(value)
        if UNTAKEABLE.search(text):
            return refuse("malformed", _("A text holds a character that no text has."), field=field)
        if not isinstance(value, float) and any(_is_card(found[0]) for found in CARD_LIKE.finditer(text)):
            sentence = _("This looks like a card's number, which must never come here: send a token of Stripe's.")
            return refuse("card_number_refused", sentence, field=field)
    return None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise _Ambiguous
    return fields


def _sent(request: HttpRequest, body: Any) -> Iterator[tuple[str, Any]]:
    """Give each field that was sent, and its value."""
    yield "", request.path_info
    yield KEY, request.headers.get(KEY, "")
    for name, values in request.GET.lists():
        yield "", name
        yield from ((name, value) for value in values)
    yield from _leaves("", body)


def _leaves(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    waiting = [(name, value)]
    while waiting:
        name, value = waiting.pop()
        if isinstance(value, dict):
            yield from ((name, key) for key in value)
            waiting += [(f"{name}.{key}".lstrip("."), each) for key, each in value.items()]
        elif isinstance(value, list):
            waiting += [(f"{name}.{place}".lstrip("."), each) for place, each in enumerate(value)]
        else:
            yield name, value


def _is_card(text: str) -> bool:
    """Tell whether the digits add up as a card's do (Luhn)."""
    digits = [int(digit) for digit in text if digit.isdigit()]
    doubled = (sum(divmod(2 * digit, 10)) for digit in digits[-2::-2])
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def _shaped(response: HttpResponse) -> HttpResponse:
    """Give an answer that is Django's own the API's shape."""
    if response.headers.get("Content-Type", "").startswith("application/json"):
        return response
    match response.status_code:
        case 400:
            return refuse("malformed", _("The request can't be read."))
        case 404:
            return refuse("not_found", _("There is nothing at this address."))
        case 405:
            refused = refuse("method_not_allowed", _("This address does not take this method."))
            refused["Allow"] = response.headers.get("Allow", "")
            return refused
        case 500:
            failed = refuse("internal_error", _("Something went wrong here; it was logged."))
            failed.status_code = 500
            return failed
        case _:
            return response
