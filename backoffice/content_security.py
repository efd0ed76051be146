"""What pages where a card is typed may load beside our own."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast
from urllib.parse import urlsplit

from csp.decorators import csp_update
from django.conf import settings

View = TypeVar("View", bound=Callable[..., Any])


def stripe_sources() -> dict[str, list[str]]:
    script = "{0.scheme}://{0.netloc}".format(urlsplit(settings.STRIPE_JS_URL))
    return {
        "script-src": [script],
        "frame-src": [script, "https://hooks.stripe.com"],
        "connect-src": ["https://api.stripe.com"],
    }


def allow_stripe(view: View) -> View:
    @wraps(view)
    def allowing(*arguments: Any, **named: Any) -> Any:
        return csp_update(stripe_sources())(view)(*arguments, **named)

    return cast("View", allowing)
