"""Who may open the warehouse's pages."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

PACK = "ecommerce.fulfill_order"
View = Callable[..., Any]


def for_packers(view: View) -> View:
    """Let those open a page who may see orders and fulfill them."""

    @wraps(view)
    def checked(request: HttpRequest, *arguments: Any, **named: Any) -> Any:
        if not request.user.has_perms(["ecommerce.view_order", PACK]):
            raise PermissionDenied
        return view(request, *arguments, **named)

    return checked


def render(request: HttpRequest, template: str, context: dict[str, Any], *, status: int = 200) -> HttpResponse:
    request.current_app = admin.site.name
    base = admin.site.each_context(request)
    return TemplateResponse(request, f"admin/ecommerce/shipping/{template}", {**base, **context}, status=status)
