"""The warehouse's pages, at /admin/ecommerce/shipping/."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.utils.translation import gettext as _

from ecommerce.admin.shipping import print_day
from ecommerce.admin.shipping.access import for_packers, render

app_name = "warehouse"


@for_packers
def index_view(request: HttpRequest) -> HttpResponse:
    return render(request, "index.html", {"title": _("Shipping")})


PAGES: tuple[tuple[str, Callable[..., Any], str], ...] = (
    ("", index_view, "index"),
    ("print/", print_day.print_day_view, "print_day"),
    ("print/<int:printout_id>/", print_day.printout_view, "printout"),
)
urlpatterns = [path(route, admin.site.admin_view(view), name=name) for route, view, name in PAGES]
