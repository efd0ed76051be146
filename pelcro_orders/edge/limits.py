"""How much a request may carry and how long it may take, and the answer where it carries more."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.contrib.auth import get_user
from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import Resolver404, resolve
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _

from pelcro_orders.unavailable import unavailable_response

REFUSAL = "pelcro_orders.refusal"  # in the environ: what the edge found wrong with the body
TOO_LARGE, TOO_SLOW, UNAVAILABLE = 413, 408, 503
# Beside the imports of ModelAdmins.
PERMISSIONS_TO_SEND = {
    "admin:ecommerce_order_note": "ecommerce.organize_order",
    "warehouse:tracking": "ecommerce.fulfill_order",
}
Handler = Callable[[HttpRequest], HttpResponse]


@dataclass(frozen=True)
class Limits:
    size: int  # bytes
    seconds: float
    refusal: int = 0  # HTTP's status, whatever arrives


def ordinary() -> Limits:
    return Limits(settings.DATA_UPLOAD_MAX_MEMORY_SIZE, settings.BODY_SECONDS)


def upload() -> Limits:
    return Limits(settings.UPLOAD_BYTES, settings.UPLOAD_SECONDS)


def content_length(environ: dict[str, Any]) -> int:
    length = environ.get("CONTENT_LENGTH") or "0"
    return int(length[:18]) if length.isascii() and length.isdigit() else 0


def takes_files(path: str) -> bool:
    return _permission_to_send(path) is not None


def _permission_to_send(path: str) -> Callable[[HttpRequest], bool] | None:
    """Return who may send files to this address; None where it takes none."""
    try:
        match = resolve(path)
    except Resolver404:
        return None
    if match.view_name in PERMISSIONS_TO_SEND:
        permission = PERMISSIONS_TO_SEND[match.view_name]
        return lambda request: request.user.has_perm(permission)
    if match.namespaces != ["admin"] or not (match.url_name or "").endswith("_import"):
        return None
    for model, model_admin in admin.site._registry.items():  # noqa: SLF001 - Django offers no other way
        name = f"{model._meta.app_label}_{model._meta.model_name}_import"  # noqa: SLF001 - Django's public API
        if name == match.url_name and hasattr(model_admin, "has_import_permission"):
            return model_admin.has_import_permission  # type: ignore[no-any-return]
    return None


def may_send_file(environ: dict[str, Any]) -> bool:
    """Whether this is somebody of the staff who may send files here; known before the body is read."""
    request = WSGIRequest(environ)
    may_send = _permission_to_send(request.path_info)
    if may_send is None:
        return False
    store = import_string(f"{settings.SESSION_ENGINE}.SessionStore")
    request.session = store(request.COOKIES.get(settings.SESSION_COOKIE_NAME))
    request.user = get_user(request)
    return bool(admin.site.has_permission(request) and may_send(request))


def limit_bodies(get_response: Handler) -> Handler:
    """Answer what the edge refused; and refuse by its Content-Length what another server let through."""

    def handle(request: HttpRequest) -> HttpResponse:
        refusal = request.META.get(REFUSAL) or _refusal(request)
        return _answer(request, refusal) if refusal else get_response(request)

    return handle


def _refusal(request: HttpRequest) -> int:
    length = content_length(request.META)
    if length <= ordinary().size:
        return 0
    if length <= upload().size and isinstance(request, WSGIRequest) and may_send_file(request.environ):
        return 0
    return TOO_LARGE


def _answer(request: HttpRequest, status: int) -> HttpResponse:
    if status == UNAVAILABLE:
        return unavailable_response(request)
    sentence = _sentence(request, status)
    if request.path_info.startswith("/api/"):
        code = "too_large" if status == TOO_LARGE else "too_slow"
        return JsonResponse({"error": {"code": code, "message": sentence, "field": None}}, status=status)
    return render(request, "body_refused.html", {"sentence": sentence}, status=status)


def _sentence(request: HttpRequest, status: int) -> str:
    if status == TOO_SLOW:
        return _("The request took too long to arrive. Send it again over a faster connection.")
    if takes_files(request.path_info):
        megabytes = settings.UPLOAD_BYTES // 1_000_000
        return _("Files of up to %(most)s MB are taken here, from staff who may send them. Sign in, or send less.") % {
            "most": megabytes
        }
    kilobytes = settings.DATA_UPLOAD_MAX_MEMORY_SIZE // 1024
    return _("More was sent than the %(most)s KB that this address takes. Send less at once.") % {"most": kilobytes}
