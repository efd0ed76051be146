"""The Content-Security-Policy of every answer; views add what they need by `allow_stripe`."""

from typing import Any

from csp.constants import UNSAFE_EVAL, UNSAFE_INLINE
from csp.middleware import CSPMiddleware, PolicyParts
from django.http import HttpRequest
from django.http.response import HttpResponseBase

# The theme's Alpine evaluates expressions of its templates, and htmx and Swagger add styles to the page. Neither runs
# a script that stands in the page: an injected one is still refused.
ADMIN = {"script-src": [UNSAFE_EVAL], "style-src": [UNSAFE_INLINE]}
API_DOCS = {"style-src": [UNSAFE_INLINE]}


class ContentSecurity(CSPMiddleware):
    def get_policy_parts(
        self,
        request: HttpRequest,
        response: HttpResponseBase,
        report_only: bool = False,  # noqa: FBT001, FBT002
    ) -> PolicyParts:
        parts = super().get_policy_parts(request, response, report_only)
        parts.update = merged(parts.update or {}, additions(request.path_info))
        return parts


def additions(path: str) -> dict[str, list[str]]:
    if path.startswith("/admin/"):
        return ADMIN
    return API_DOCS if path.startswith("/api/docs") else {}


def merged(first: dict[str, Any], second: dict[str, list[str]]) -> dict[str, Any]:
    return {name: [*first.get(name, ()), *second.get(name, ())] for name in {**first, **second}}
