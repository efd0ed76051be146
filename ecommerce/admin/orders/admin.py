"""The orders in the staff admin."""

from functools import partial
from typing import Any, cast

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext as _

from backoffice.base_admin import ReadOnlyAdmin
from backoffice.ids import parse_id
from ecommerce.admin.bulk_jobs import mass_actions
from ecommerce.admin.bulk_jobs.banner import banner
from ecommerce.admin.display import status_badge
from ecommerce.admin.new_order import views
from ecommerce.admin.orders.action_page import act_page
from ecommerce.admin.orders.actions import ACTS, Offer, offers
from ecommerce.admin.orders.changelist import context_of
from ecommerce.admin.orders.detail import order_with_all, page_context, url_of
from ecommerce.admin.orders.filters import ListQuery
from ecommerce.admin.orders.search import matching
from ecommerce.models import Order
from ecommerce.models.order import OrderQuerySet


@admin.register(Order)
class OrderAdmin(ReadOnlyAdmin):
    """The list and the page of orders. Nothing of an order is edited: it is acted on."""

    search_fields = ("number",)

    def has_add_permission(self, request: HttpRequest, *args: Any) -> bool:
        """Tell whether this person may make orders."""
        return bool(request.user.has_perm("ecommerce.add_order"))

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Make an order."""
        return views.page(self, request)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Search as the list does."""
        return matching(cast(OrderQuerySet, queryset), search_term), False

    def get_urls(self) -> list[URLPattern]:
        """Add the options menu of a row, a page for each act, and what making an order needs."""
        here = self.admin_site.admin_view
        own = [path("<int:order_id>/options/", here(self.options_view), name="ecommerce_order_options")]
        own += [
            path(
                f"<int:order_id>/{act.name}/",
                here(partial(act_page, self, act=act)),
                name=f"ecommerce_order_{act.name}",
            )
            for act in ACTS
        ]
        return [*own, *views.urls(self), *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Show the list, or carry out a mass action."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        asked = ListQuery.of(request.GET)
        if request.method == "POST":
            return mass_actions.run(self, request, asked)
        return self.page(
            request, "list.html", {**context_of(request, asked), **banner(request), **(extra_context or {})}
        )

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show an order; there is nothing to post to it."""
        if not self.has_view_permission(request) or request.method not in {"GET", "HEAD"}:
            raise PermissionDenied
        pk = parse_id(object_id)
        order = None if pk is None else order_with_all(pk)
        if order is None:
            messages.warning(request, _("There is no such order. Search for its number here."))
            return redirect("admin:ecommerce_order_changelist")
        return self.page(request, "order.html", {**page_context(request, order), **(extra_context or {})})

    def options_view(self, request: HttpRequest, order_id: int) -> HttpResponse:
        """Show what may be done to an order: as a page, or the menu alone where the list's script asks."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        order = get_object_or_404(Order, pk=order_id)
        acts = [Offer(_("View"), url_of(request, order)), *offers(order, request.user)]
        fragment = "menu.html" if request.headers.get("X-Fragment") == "menu" else "options.html"
        context = {"title": _("Options"), "original": order, "order": order, "acts": acts}
        page = self.page(request, fragment, context | {"status": status_badge(order)})
        patch_vary_headers(page, ["X-Fragment"])
        return page

    def page(self, request: HttpRequest, template: str, context: dict[str, Any]) -> TemplateResponse:
        """Show a page of orders within the admin's frame."""
        request.current_app = self.admin_site.name
        frame = {**self.admin_site.each_context(request), "opts": self.opts, "title": self.opts.verbose_name_plural}
        can = {"has_add_permission": self.has_add_permission(request)}
        return TemplateResponse(request, f"admin/ecommerce/order/{template}", {**frame, **can, **context})
