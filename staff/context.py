"""The frame of the admin round the pages of the front door."""

from typing import Any

from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

PREFIXES = ("account_", "mfa_", "staff_", "openid_connect_")
# Of the pages whose views are django-allauth's.
TITLES = {
    "account_change_password": _("Change password"),
    "mfa_activate_totp": _("Authenticator app"),
    "mfa_deactivate_totp": _("Authenticator app"),
    "mfa_add_webauthn": _("Add a passkey"),
    "mfa_edit_webauthn": _("Passkey"),
    "mfa_remove_webauthn": _("Passkey"),
    "mfa_view_recovery_codes": _("Recovery codes"),
    "mfa_generate_recovery_codes": _("Recovery codes"),
}


def front_door(request: HttpRequest) -> dict[str, Any]:
    match = request.resolver_match
    if match is None or match.namespace or not (match.url_name or "").startswith(PREFIXES):
        return {}
    frame = {"title": TITLES.get(match.url_name or "", _("Sign in")), **admin.site.each_context(request)}
    return frame | {"single_sign_on": settings.OIDC_NAME if settings.OIDC_ISSUER else ""}
