"""Requests with characters that no text has are refused before a view reads them.

PostgreSQL stores neither NUL nor lone surrogates, and spreadsheets and mail headers take no control characters.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import unquote_to_bytes

from django.http import HttpRequest, HttpResponse, UnreadablePostError
from django.shortcuts import render

GetResponse = Callable[[HttpRequest], HttpResponse]
# All control characters but tab and the two ends of a line, and halves of surrogate pairs.
NOT_TEXT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
NOT_IN_ONE_LINE = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")
# Django leaves the bytes of a path that are no UTF-8 escaped.
NOT_UTF8 = re.compile("%[89A-F][0-9A-F]")
FORM = "application/x-www-form-urlencoded"


def is_text(value: str) -> bool:
    return NOT_TEXT.search(value) is None


def is_query_text(request: HttpRequest) -> bool:
    """Whether path, query string and cookies are UTF-8 without characters that no text has."""
    lines = (request.path_info, *(part for pair in request.COOKIES.items() for part in pair))
    if any(NOT_IN_ONE_LINE.search(line) for line in lines) or NOT_UTF8.search(request.path_info):
        return False
    return _is_encoded_text(request.META.get("QUERY_STRING", ""))


class RequestTextMiddleware:
    """Answer 400, in words, to what `is_query_text` refuses, and to such characters in a form or in a file's name.

    Paths in `answers_itself` are left to a middleware of their own.
    """

    answers_itself = ("/api/v1/",)

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.path_info.startswith(self.answers_itself) and not is_query_text(request):
            return _refusal(request)
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Any, _args: Any, _kwargs: Any) -> HttpResponse | None:
        # Programs' own addresses (the API, Stripe's webhook) read their bodies themselves.
        is_for_programs = getattr(view, "csrf_exempt", False) and not getattr(view, "takes_form", False)
        if request.method in {"GET", "HEAD", "OPTIONS"} or is_for_programs:
            return None
        try:
            ok = all(is_text(text) for text in _form_texts(request)) and _is_utf8_form(request)
        except UnreadablePostError:  # the client closed the connection
            ok = False
        return None if ok else _refusal(request)


def _refusal(request: HttpRequest) -> HttpResponse:
    return render(request, "400.html", status=400)


def _form_texts(request: HttpRequest) -> Iterator[str]:
    for name, values in request.POST.lists():
        yield name
        yield from (str(value) for value in values)
    for name, files in request.FILES.lists():
        yield name
        yield from (file.name or "" for file in files)


def _is_utf8_form(request: HttpRequest) -> bool:
    return request.content_type != FORM or _is_encoded_text(request.body.decode("latin-1"))


def _is_encoded_text(encoded: str) -> bool:
    try:
        # Servers hand over what was not escaped as one character a byte.
        return is_text(unquote_to_bytes(encoded.encode("latin-1")).decode())
    except UnicodeError:
        return False
