"""The warehouse's pages, at /admin/ecommerce/shipping/."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.utils.translation import gettext as _

from ecommerce.admin.shipping import papers, print_day, scan, tracking
from ecommerce.admin.shipping.access import for_packers, render

app_name = "warehouse"


@for_packers
def index_view(request: HttpRequest) -> HttpResponse:
    return render(request, "index.html", {"title": _("Shipping")})


PAGES: tuple[tuple[str, Callable[..., Any], str], ...] = (
    ("", index_view, "index"),
    ("print/", print_day.print_day_view, "print_day"),
    ("print/<int:printout_id>/", print_day.printout_view, "printout"),
    ("print/<int:printout_id>/pdf/", papers.printout_pdf_view, "printout_pdf"),
    ("parcels/<int:parcel_id>/slip/", papers.parcel_slip_view, "parcel_slip"),
    ("scan/", scan.scan_view, "scan"),
    ("scan/<int:order_id>/", scan.packing_view, "packing"),
    ("tracking/", tracking.tracking_view, "tracking"),
    ("tracking/<int:file_id>/", tracking.file_view, "tracking_file"),
    ("tracking/<int:file_id>/columns/", tracking.columns_view, "columns"),
    ("tracking/<int:file_id>/apply/", tracking.apply_view, "apply"),
    ("tracking/<int:file_id>/stop/", tracking.stop_view, "stop"),
    ("tracking/<int:file_id>/again/", tracking.again_view, "again"),
    ("tracking/<int:file_id>/result/", tracking.result_view, "result"),
)
urlpatterns = [path(route, admin.site.admin_view(view), name=name) for route, view, name in PAGES]
