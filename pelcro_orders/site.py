"""The staff admin site: its sidebar, its search, its front page."""

from time import perf_counter
from typing import Any

from django.apps import apps
from django.conf import settings
from django.contrib.admin import ModelAdmin
from django.core.paginator import Paginator
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from unfold.dataclasses import SearchResult
from unfold.sites import UnfoldAdminSite

from pelcro_orders.dashboard import dashboard
from pelcro_orders.navigation import SIDEBAR

MOST_SUGGESTED = 5
SUGGESTED = ("customers.customer", "ecommerce.order", "billing.invoice", "ecommerce.product")
ICONS = {label: icon for _title, items in SIDEBAR for label, _name, icon in items}


class StaffSite(UnfoldAdminSite):  # type: ignore[misc]
    """The admin under /admin/."""

    index_template = "admin/dashboard.html"
    index_title = _("Dashboard")

    def pages_of(self, label: str) -> "ModelAdmin[Any] | None":
        """Give the pages of a model, where it has any."""
        app, name = label.split(".")
        model: type[Model] | None = apps.all_models[app].get(name)
        return self._registry.get(model) if model else None

    def may_open(self, request: HttpRequest, label: str) -> bool:
        """Tell whether a person may open a model's list: its own pages answer."""
        pages = self.pages_of(label)
        return pages is not None and pages.has_view_or_change_permission(request)

    def get_sidebar_list(self, request: HttpRequest) -> list[dict[str, Any]]:
        """List what a person may open, as the theme's template wants it."""
        front: dict[str, Any] = {"title": _("Dashboard"), "icon": "dashboard", "link": reverse("admin:index")}
        front |= {"active": request.path == front["link"], "has_permission": True}
        groups: list[dict[str, Any]] = [{"title": None, "items": [front]}]
        for title, entries in SIDEBAR:
            items = [self._item(request, *entry) for entry in entries if self.may_open(request, entry[0])]
            if items:
                groups.append({"title": title, "items": items, "separator": True})
        return groups

    @staticmethod
    def _item(request: HttpRequest, label: str, title: Any, icon: str) -> dict[str, Any]:
        link = reverse(f"admin:{label.replace('.', '_')}_changelist")
        return {
            "title": title,
            "icon": icon,
            "link": link,
            "active": request.path.startswith(link),
            "has_permission": True,
        }

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        """Show the dashboard."""
        page: TemplateResponse = super().index(request, {**dashboard(request), **(extra_context or {})})
        return page

    def search(self, request: HttpRequest, **_context: Any) -> HttpResponse:
        """Answer the command palette: pages by their title, rows as their own list would find them; a few of each."""
        text = request.GET.get("s", "").replace("\0", "").strip()
        if not text:
            return HttpResponse()
        began = perf_counter()
        found = [*self._pages(request, text), *self._rows(request, text)]
        context = {
            "page_obj": Paginator(found, 100),
            "results": Paginator(found, 100).page(1),
            "execution_time": perf_counter() - began,
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
        for label in SUGGESTED:
            pages = self.pages_of(label)
            if pages is None or not self.may_open(request, label):
                continue
            rows, _distinct = pages.get_search_results(request, pages.get_queryset(request), text)
            link = f"admin:{label.replace('.', '_')}_change"
            name = pages.opts.verbose_name
            found += [
                SearchResult(title=str(row), description=name, link=reverse(link, args=(row.pk,)), icon=ICONS[label])
                for row in rows.order_by("-pk")[:MOST_SUGGESTED]
            ]
        return found


def environment_label(_request: HttpRequest) -> list[Any] | None:
    """Say at the top of each page that no real money moves here, where that is so."""
    return None if settings.STRIPE_SECRET_KEY.startswith(("sk_live_", "rk_live_")) else [_("Test mode"), "warning"]
