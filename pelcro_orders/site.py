"""The admin site: sidebar, command palette, dashboard."""

from time import perf_counter
from typing import Any

from django.apps import apps
from django.conf import settings
from django.contrib import admin
from django.contrib.admin import ModelAdmin
from django.core.paginator import Paginator
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, URLResolver, path, reverse
from django.utils.translation import gettext_lazy as _
from unfold.dataclasses import SearchResult
from unfold.sites import UnfoldAdminSite

from billing.models import Invoice
from ecommerce.models import Order, Return
from pelcro_orders.dashboard import dashboard
from pelcro_orders.monitoring.system import system_view
from pelcro_orders.navigation import SIDEBAR
from pelcro_orders.tax_report import tax_report_view

MAX_PER_MODEL = 5
SEARCHED = ("customers.customer", "ecommerce.order", "ecommerce.return", "billing.invoice", "ecommerce.product")
RELATED = {
    "ecommerce.order": ("customer",),
    "billing.invoice": ("customer",),
    "ecommerce.return": ("order__customer",),
}
# What has no list of a model, and what has no model: the permission to open it.
PAGES = {
    "ecommerce.shopsettings": "shop_settings",
    "ecommerce.shipping": "warehouse:index",
    "billing.taxreport": "admin:billing_taxreport",
    "backoffice.system": "admin:system",
}
PERMISSIONS = {
    "ecommerce.shipping": "ecommerce.fulfill_order",
    "billing.taxreport": "billing.view_invoice",
    "backoffice.system": "backoffice.view_system",  # which no role can have: superusers alone
}
ICONS = {label: icon for _title, items in SIDEBAR for label, _name, icon in items}


class StaffSite(UnfoldAdminSite):  # type: ignore[misc]
    index_template = "admin/dashboard.html"
    index_title = _("Dashboard")

    def model_admin(self, label: str) -> "ModelAdmin[Any] | None":
        app, name = label.split(".")
        model: type[Model] | None = apps.all_models[app].get(name)
        return self._registry.get(model) if model else None

    def may_open(self, request: HttpRequest, label: str) -> bool:
        if label in PERMISSIONS:
            return bool(request.user.has_perm(PERMISSIONS[label]))
        model_admin = self.model_admin(label)
        return model_admin is not None and model_admin.has_view_or_change_permission(request)

    def get_urls(self) -> list[URLPattern | URLResolver]:
        report = path("billing/taxreport/", self.admin_view(tax_report_view), name="billing_taxreport")
        system = path("system/", self.admin_view(system_view), name="system")
        return [report, system, *super().get_urls()]

    def get_sidebar_list(self, request: HttpRequest) -> list[dict[str, Any]]:
        index: dict[str, Any] = {"title": _("Dashboard"), "icon": "dashboard", "link": reverse("admin:index")}
        index |= {"active": request.path == index["link"], "has_permission": True}
        groups: list[dict[str, Any]] = [{"title": None, "items": [index]}]
        for title, entries in SIDEBAR:
            items = [self._item(request, *entry) for entry in entries if self.may_open(request, entry[0])]
            if items:
                groups.append({"title": title, "items": items, "separator": True})
        return groups

    @staticmethod
    def _item(request: HttpRequest, label: str, title: Any, icon: str) -> dict[str, Any]:
        link = reverse(PAGES.get(label) or f"admin:{label.replace('.', '_')}_changelist")
        return {
            "title": title,
            "icon": icon,
            "link": link,
            "active": request.path.startswith(link),
            "has_permission": True,
        }

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        page: TemplateResponse = super().index(request, {**dashboard(request), **(extra_context or {})})
        return page

    def search(self, request: HttpRequest, **_context: Any) -> HttpResponse:
        """Search the titles of pages, and a few models as their own lists do."""
        text = request.GET.get("s", "").replace("\0", "").strip()
        if not text:
            return HttpResponse()
        started = perf_counter()
        rows = self._rows(request, text)
        # A number that was typed whole names one row.
        exact = [row for row in rows if str(row.title).lower() == text.lower()]
        found = [*exact, *self._pages(request, text), *(row for row in rows if row not in exact)]
        context = {
            "page_obj": Paginator(found, 100),
            "results": Paginator(found, 100).page(1),
            "execution_time": perf_counter() - started,
        }
        template = "unfold/helpers/command_results.html"
        return TemplateResponse(request, template, {**context, "page_counter": 0}, headers={"HX-Trigger": "search"})

    def _pages(self, request: HttpRequest, text: str) -> list[SearchResult]:
        items = [item for group in self.get_sidebar_list(request) for item in group["items"]]
        return [
            SearchResult(title=item["title"], description=_("Page"), link=item["link"], icon=item["icon"])
            for item in items
            if text.lower() in str(item["title"]).lower()
        ]

    def _rows(self, request: HttpRequest, text: str) -> list[SearchResult]:
        found = []
        for label in SEARCHED:
            model_admin = self.model_admin(label)
            if model_admin is None or not self.may_open(request, label):
                continue
            rows, _distinct = model_admin.get_search_results(request, model_admin.get_queryset(request), text)
            rows = rows.select_related(*RELATED[label]) if label in RELATED else rows
            link = f"admin:{label.replace('.', '_')}_change"
            name = model_admin.opts.verbose_name
            found += [
                SearchResult(
                    title=str(row),
                    description=_described(row, name),
                    link=reverse(link, args=(row.pk,)),
                    icon=ICONS[label],
                )
                for row in rows.order_by("-pk")[:MAX_PER_MODEL]
            ]
        return found


def _described(row: Model, name: Any) -> str:
    """Customer, total and status of an order or invoice; else what kind of thing it is."""
    if isinstance(row, (Order, Invoice)):
        customer = row.customer.name or row.customer.email
        parts = [customer, row.total_money, row.get_status_display()]
        parts += [row.get_money_state_display()] if isinstance(row, Order) and row.money_state else []
        return " · ".join(map(str, parts))
    if isinstance(row, Return):
        customer = row.order.customer.name or row.order.customer.email
        return " · ".join(map(str, [customer, row.order.number, row.get_status_display()]))
    return str(name)


def settings_page(request: HttpRequest) -> HttpResponse:
    shown: Any = admin.site
    view = shown.admin_view(shown.model_admin("ecommerce.shopsettings").settings_view)
    page: HttpResponse = view(request)
    return page


def environment_label(_request: HttpRequest) -> list[Any] | None:
    return [_("Test mode"), "warning"] if settings.IS_TEST_SHOP else None
