"""Forms that could not be taken because their session had ended: what was typed comes back after signing in.

What was posted is kept in the session of the browser, which survives signing in, for an hour, and shown to nobody but
the person who had opened the form: a signed cookie names whoever used this browser last. Nothing is sent again by
itself; the page shows the form filled in, and the person sends it.
"""

import re
from collections.abc import Callable
from copy import copy
from datetime import timedelta
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib import messages
from django.core.signing import BadSignature
from django.http import HttpRequest, HttpResponse, QueryDict
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.datastructures import MultiValueDict
from django.utils.translation import gettext as _

from backoffice import database_clock
from backoffice.card_numbers import holds_card_number

GetResponse = Callable[[HttpRequest], HttpResponse]
KEPT_FOR = timedelta(hours=1)
MAX_LENGTH = 200_000  # of what was typed, as a query string
COOKIE = "staff_last_seen"
COOKIE_AGE = timedelta(days=14)
SESSION_KEY = "kept_form"
# Tokens are of the page that was left, and a new card is typed anew.
NEVER_KEPT = re.compile(r"passw|secret|token|cvc|cvv|card_?number|otp|^confirmed$|^_", re.IGNORECASE)
KEPT_DESPITE_UNDERSCORE = frozenset({"_selected_action", "_saved"})


def middleware(get_response: GetResponse) -> GetResponse:
    def handle(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if not request.path.startswith(reverse("admin:index")):
            return response
        if request.method == "POST" and _asks_to_sign_in(request, response):
            keep(request)
        elif response.status_code < HTTPStatus.INTERNAL_SERVER_ERROR and request.user.is_authenticated:
            _name_owner(request, response)
        return response

    return handle


def _asks_to_sign_in(request: HttpRequest, response: HttpResponse) -> bool:
    to_sign_in = response.status_code == HTTPStatus.FOUND and not request.user.is_authenticated
    return to_sign_in and request.path not in {reverse("admin:login"), reverse("admin:logout")}


def _name_owner(request: HttpRequest, response: HttpResponse) -> None:
    user_id = str(request.user.pk)
    if _owner(request) != user_id:
        response.set_signed_cookie(
            COOKIE,
            user_id,
            max_age=COOKIE_AGE,
            path=reverse("admin:index"),
            secure=settings.SESSION_COOKIE_SECURE,
            httponly=True,
            samesite="Lax",
        )


def _owner(request: HttpRequest) -> str:
    try:
        return request.get_signed_cookie(COOKIE, default="", max_age=COOKIE_AGE) or ""
    except BadSignature:
        return ""


def keep(request: HttpRequest) -> bool:
    """Keep what was posted; return whether that was possible."""
    typed = QueryDict(mutable=True)
    for name, values in request.POST.lists():
        if _may_be_kept(name, values):
            typed.setlist(name, values)
    text, owner = typed.urlencode(), _owner(request)
    if not owner or not typed or len(text) > MAX_LENGTH:
        return False
    ends_at = database_clock.now() + KEPT_FOR
    request.session[SESSION_KEY] = {"of": owner, "at": request.path, "typed": text, "until": ends_at.timestamp()}
    return True


def _may_be_kept(name: str, values: list[Any]) -> bool:
    if NEVER_KEPT.search(name) and name not in KEPT_DESPITE_UNDERSCORE:
        return False
    return not any(holds_card_number(str(value)) for value in values)


def take(request: HttpRequest) -> QueryDict | None:
    """Return what was typed on this page before the session had ended, once, to the person who typed it."""
    kept = request.session.get(SESSION_KEY)
    if kept is None or request.method != "GET" or request.headers.get("X-Fragment"):
        return None
    is_theirs = kept["of"] == str(request.user.pk)
    if is_theirs and kept["at"] != request.path and kept["until"] > database_clock.now().timestamp():
        return None  # it waits for its own page
    del request.session[SESSION_KEY]
    if not is_theirs or kept["until"] <= database_clock.now().timestamp():
        return None
    sentence = _(
        "You had been signed out, so this was not sent and nothing was changed. What you typed is here again: check "
        "it, then send it. Files, passwords and new cards are to be given again."
    )
    messages.warning(request, sentence)
    return QueryDict(kept["typed"])


def as_posted(request: HttpRequest, kept: QueryDict) -> HttpRequest:
    """Return a request with which a view shows its form as it was posted; the view must then save nothing."""
    again = copy(request)
    again.method, again.POST, again.kept_form = "POST", kept, True  # type: ignore[assignment, attr-defined]
    again._files = MultiValueDict()  # type: ignore[attr-defined]  # noqa: SLF001 - as Django's own parser sets it
    return again


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:  # noqa: ARG001 - as Django calls it
    """Keep the form where the page that sent it was one of ours: its token was of an earlier sign-in."""
    kept = request.path if _is_our_page(request) and keep(request) else ""
    return TemplateResponse(request, "403_csrf.html", {"kept": kept}, status=HTTPStatus.FORBIDDEN).render()


def _is_our_page(request: HttpRequest) -> bool:
    sender = request.headers.get("Origin") or request.headers.get("Referer", "")
    is_staff_page = request.path.startswith(reverse("admin:index"))
    return is_staff_page and urlsplit(sender).netloc == request.get_host() and request.user.is_authenticated
