"""The address a request came from, past as many proxies as are trusted."""

from allauth.account.adapter import get_adapter
from django.http import HttpRequest

UNKNOWN = "0.0.0.0"  # noqa: S104 - what the adapter says of a request without one


def client_address(request: HttpRequest) -> str:
    """Return "" where it isn't known."""
    address = str(get_adapter().get_client_ip(request))[:45]
    return "" if address == UNKNOWN else address
