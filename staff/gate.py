"""The one gate in front of every page that a session of staff opens."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from customers.known_devices import set_cookie
from customers.models import User
from customers.sessions import OF_STAFF
from staff import second_factor, sessions

# Pages and programs that know no session, or are there to begin and end one.
WITHOUT_SESSION = {"shop", "api-1.0.0"}
ALWAYS = {
    "account_login",
    "account_logout",
    "account_reset_password",
    "account_reset_password_done",
    "account_reset_password_from_key",
    "account_reset_password_from_key_done",
    "jsi18n",
    "payment_link",
    "staff_invitation",
    "stripe_webhook",
}
PROVING = {"account_reauthenticate", "mfa_reauthenticate", "mfa_reauthenticate_webauthn"}
# Not for whoever has a factor and did not give it: a second one could be added by a password alone.
SETTING_UP = {"account_reauthenticate", "staff_second_factor", "mfa_activate_totp", "mfa_add_webauthn"}


class StaffGate:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if hasattr(request, "let_in"):
            sessions.touch(request)
        set_cookie(request, response)
        return response

    def process_view(self, request: HttpRequest, _view: Any, _args: Any, _kwargs: Any) -> HttpResponse | None:
        """Let the request through by returning None."""
        match = request.resolver_match
        if match is None or match.namespace in WITHOUT_SESSION or match.url_name in ALWAYS:
            return None
        user = request.user
        if not isinstance(user, User) or not user.is_staff:
            return None
        if not request.session.get(OF_STAFF):  # of the website, or from before somebody joined the staff
            logout(request)
            return _redirect(request, "account_login")
        page = None if second_factor.was_given(request, user) else _page_to_prove(user, match.url_name or "")
        if page:
            return _redirect(request, page)
        request.let_in = True  # type: ignore[attr-defined]
        return None


def _page_to_prove(user: User, wanted: str) -> str:
    """Return the page where a missing second factor is given or set up; none if nothing is missing."""
    is_set_up, is_required = second_factor.facts(user)
    if is_set_up:
        return "" if wanted in PROVING else "mfa_reauthenticate"
    if is_required:
        return "" if wanted in SETTING_UP else "staff_second_factor"
    return ""


def _redirect(request: HttpRequest, page: str) -> HttpResponse:
    return HttpResponseRedirect(f"{reverse(page)}?{urlencode({'next': request.get_full_path()})}")
