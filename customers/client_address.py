"""The address a request came from, past as many proxies as are trusted."""

from allauth.account.adapter import get_adapter
from allauth.core.internal.ratelimit import get_ip
from django.http import HttpRequest

UNKNOWN = "0.0.0.0"  # noqa: S104 - what the adapter says of a request without one


def client_address(request: HttpRequest) -> str:
    """Return "" where it isn't known."""
    address = str(get_adapter().get_client_ip(request))[:45]
    return "" if address == UNKNOWN else address


def counted_address(request: HttpRequest) -> str:
    """Return what limits count by: of IPv6 the network of one subscriber; "" where no address is known."""
    address = str(get_ip(request))
    return "" if address == UNKNOWN else address
