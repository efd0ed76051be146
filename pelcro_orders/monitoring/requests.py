"""Counts requests by view, method and status, and how long each view takes."""

from bisect import bisect_left
from collections.abc import Callable
from time import perf_counter

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from backoffice.counters import count

Handler = Callable[[HttpRequest], HttpResponseBase]
REQUESTS, DURATIONS, DURATION_SUM = "requests", "durations", "duration_sum"
BUCKETS = (0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)  # seconds
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def count_requests(get_response: Handler) -> Handler:
    def handle(request: HttpRequest) -> HttpResponseBase:
        started = perf_counter()
        response = get_response(request)
        _count(request, response.status_code, perf_counter() - started)
        return response

    return handle


def _count(request: HttpRequest, status: int, seconds: float) -> None:
    view = view_name(request)
    # Whatever a client writes, there are few labels.
    method = request.method if request.method in METHODS else "other"
    count(REQUESTS, view, str(method), str(status))
    count(DURATIONS, view, str(bisect_left(BUCKETS, seconds)))
    count(DURATION_SUM, view, by=round(seconds * 1_000_000))


def view_name(request: HttpRequest) -> str:
    match = request.resolver_match
    if match is None:
        return "static" if request.path_info.startswith(f"/{settings.STATIC_URL.strip('/')}/") else "none"
    return match.view_name or match.route
