"""A line for each request, and its id on each line that is written meanwhile, and by the tasks that it enqueues."""

import logging
import re
import time
from collections.abc import Callable
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from backoffice import logs
from pelcro_orders.activity import actor_of, reference_of

logger = logging.getLogger(__name__)
Handler = Callable[[HttpRequest], HttpResponseBase]
HEADER = "X-Request-ID"
GIVEN_ID = re.compile(r"[\w.-]{8,64}", re.ASCII)


class RequestActor:
    """Who is behind a request, as far as that is known once a line is written."""

    def __init__(self, request: HttpRequest) -> None:
        self.request = request

    def __str__(self) -> str:
        return reference_of(self.request)


def request_log(get_response: Handler) -> Handler:
    """Behind `health`, which answers every few seconds; before all else, so that its lines carry the id."""

    def handle(request: HttpRequest) -> HttpResponseBase:
        started, request_id = time.monotonic(), _id_of(request)
        with logs.bound(request_id=request_id, actor=RequestActor(request)):
            response = get_response(request)
            logs.info(logger, f"{request.method} {response.status_code}", **_fields(request, response, started))
        response.headers[HEADER] = request_id
        return response

    return handle


def _id_of(request: HttpRequest) -> str:
    # A proxy of ours may have given it one, which its own log has, too.
    given = request.headers.get(HEADER, "") if settings.ALLAUTH_TRUSTED_PROXY_COUNT else ""
    return given if GIVEN_ID.fullmatch(given) else uuid4().hex


def _fields(request: HttpRequest, response: HttpResponseBase, started: float) -> dict[str, Any]:
    found = request.resolver_match
    return {
        "method": request.method,
        "path": request.path_info,  # alone: a query may hold what somebody searched for, or a secret
        "route": found and found.route,
        "status": response.status_code,
        "duration_ms": round((time.monotonic() - started) * 1000, 1),
        "user_id": actor_of(request).user_id,
        "order": found and found.kwargs.get("number"),
    }
