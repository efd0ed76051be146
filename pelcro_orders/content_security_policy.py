"""Where scripts, frames and the rest may come from, on every page; some pages add to it."""

from typing import Any
from urllib.parse import urlsplit

NONE, SELF = ["'none'"], ["'self'"]


def content_security_policy(oidc_issuer: str) -> dict[str, Any]:
    return {
        "DIRECTIVES": {
            "default-src": SELF,
            "script-src": SELF,
            "style-src": SELF,
            "connect-src": SELF,
            "img-src": [*SELF, "https:", "data:"],
            "object-src": NONE,
            "base-uri": NONE,
            "form-action": [*SELF, *_sign_in_page(oidc_issuer)],
            "frame-ancestors": NONE,
        }
    }


def _sign_in_page(oidc_issuer: str) -> list[str]:
    # Browsers hold the redirect that answers a form against the policy, too. The provider's page may be on another host
    # than the issuer, which its metadata tells only later.
    if not oidc_issuer:
        return []
    issuer = urlsplit(oidc_issuer)
    return ["https:"] if issuer.scheme == "https" else [f"http://{issuer.netloc}"]
