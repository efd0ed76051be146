"""Sign-in by OpenID Connect, as django-allauth's settings name it."""

from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured


def providers(issuer: str, name: str, client: str, secret: str) -> dict[str, Any]:
    """Return the provider at which this client is registered; none without an issuer."""
    if not issuer:
        return {}
    if not (client and secret):
        message = "OIDC_ISSUER is set: write OIDC_CLIENT_ID and OIDC_CLIENT_SECRET, as the provider registered them."
        raise ImproperlyConfigured(message)
    if urlsplit(issuer).scheme == "http" and urlsplit(issuer).hostname not in {"127.0.0.1", "localhost", "::1"}:
        message = "OIDC_ISSUER does not start with https://…: write it so; only one on this machine may do without."
        raise ImproperlyConfigured(message)
    app = {"provider_id": "sso", "name": name, "client_id": client, "secret": secret}
    return {"openid_connect": {"OAUTH_PKCE_ENABLED": True, "APPS": [app | {"settings": {"server_url": issuer}}]}}
