"""Devices on which an account has signed in before, by a signed token that only a successful sign-in gives.

Whoever guesses an account's password from elsewhere can't use up the attempts of its own devices. The token opens
nothing: a password is still needed.
"""

from datetime import timedelta
from typing import Any

from allauth.core.internal.httpkit import is_headless_request
from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import get_random_string

from customers.models import User

SALT = "customers.known_devices"
LIFETIME = timedelta(days=180)
MAX_ACCOUNTS = 8
"""So many accounts share a device; of more, the oldest are forgotten, so that the cookie stays short."""


def device_of(request: HttpRequest, user: User | None) -> str | None:
    """Return the id of the requesting device, if this user has signed in on it."""
    return _accounts(request).get(str(user.pk)) if user else None


def remember(request: HttpRequest, user: User) -> None:
    """Have the response make the requesting device known to this user."""
    accounts = _accounts(request)
    accounts[str(user.pk)] = accounts.pop(str(user.pk), get_random_string(12))
    request.device_token = signing.dumps(dict(list(accounts.items())[-MAX_ACCOUNTS:]), salt=SALT, compress=True)  # type: ignore[attr-defined]
    request.is_known_device = True  # type: ignore[attr-defined]


def set_cookie(request: HttpRequest, response: HttpResponse) -> None:
    # The API's clients keep no cookies: the token is part of the response to their sign-in.
    if getattr(request, "is_known_device", False) and not is_headless_request(request):
        response.set_cookie(
            settings.KNOWN_DEVICE_COOKIE,
            request.device_token,  # type: ignore[attr-defined]
            max_age=LIFETIME,
            secure=settings.SESSION_COOKIE_SECURE,
            httponly=True,
            samesite="Lax",
        )


def _accounts(request: HttpRequest) -> dict[str, str]:
    token = getattr(request, "device_token", "") or request.COOKIES.get(settings.KNOWN_DEVICE_COOKIE, "")
    try:
        accounts: Any = signing.loads(token, salt=SALT, max_age=LIFETIME)
    except signing.BadSignature:
        return {}
    return dict(accounts)
