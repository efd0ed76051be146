"""The orders admin: list, page, actions and New order. No field of an order is edited; actions change it."""

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

from backoffice import kept_forms
from backoffice.base_admin import ReadOnlyAdmin
from backoffice.ids import parse_id
from ecommerce.admin.bulk_jobs.banner import banner_context
from ecommerce.admin.bulk_jobs.mass_actions import run_mass_action
from ecommerce.admin.display import status_badge
from ecommerce.admin.new_order import views
from ecommerce.admin.orders.action_page import action_view
from ecommerce.admin.orders.actions import ORDER_ACTIONS, action_links
from ecommerce.admin.orders.changelist import changelist_context
from ecommerce.admin.orders.detail import change_url, load_order, order_context
from ecommerce.admin.orders.filters import OrderListParams
from ecommerce.admin.orders.order_action import ActionLink
from ecommerce.admin.orders.payment_link import payment_link_url
from ecommerce.admin.orders.search import search
from ecommerce.admin.orders.side_panel import SidePanel
from ecommerce.models import Order
from ecommerce.models.order_queryset import OrderQuerySet


@admin.register(Order)
class OrderAdmin(ReadOnlyAdmin):
    search_fields = ("number",)

    def has_add_permission(self, request: HttpRequest, *args: Any) -> bool:
        return bool(request.user.has_perm("ecommerce.add_order"))

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return views.new_order_view(self, request)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        return search(cast(OrderQuerySet, queryset), search_term).orders, False

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        own = [path("<int:order_id>/options/", wrap(self.options_view), name="ecommerce_order_options")]
        own += [
            path(
                f"<int:order_id>/{action.name}/",
                wrap(partial(action_view, self, action=action)),
                name=f"ecommerce_order_{action.name}",
            )
            for action in ORDER_ACTIONS
        ]
        return [*own, payment_link_url(self), *SidePanel(self).urls(), *views.urls(self), *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        params = OrderListParams.from_query(request.GET)
        kept = kept_forms.take(request)
        if kept and kept.get("action") not in {
            "export_orders",
            "export_items",
            "print_orders",
        }:  # which begin without a question
            return run_mass_action(self, kept_forms.as_posted(request, kept), params)
        if request.method == "POST":
            return run_mass_action(self, request, params)
        context = {**changelist_context(request, params), **banner_context(request), **(extra_context or {})}
        return self.render(request, "change_list.html", context)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if not self.has_view_permission(request) or request.method not in {"GET", "HEAD"}:
            raise PermissionDenied
        return self.order_page(request, parse_id(object_id), extra_context or {})

    def order_page(self, request: HttpRequest, pk: int | None, extra_context: dict[str, Any]) -> HttpResponse:
        order = None if pk is None else load_order(pk)
        if order is None:
            messages.warning(request, _("There is no such order. Search for its number here."))
            return redirect("admin:ecommerce_order_changelist")
        return self.render(request, "change_form.html", {**order_context(request, order), **extra_context})

    def options_view(self, request: HttpRequest, order_id: int) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        order = get_object_or_404(Order, pk=order_id)
        # The list's script opens the menu in place; without it, the link leads to a page.
        links = [ActionLink(_("View"), change_url(request, order)), *action_links(order, request.user)]
        template = "options_menu.html" if request.headers.get("X-Fragment") == "menu" else "options.html"
        context = {"title": _("Options"), "original": order, "order": order, "links": links}
        page = self.render(request, template, context | {"status": status_badge(order)})
        patch_vary_headers(page, ["X-Fragment"])
        return page

    def render(self, request: HttpRequest, template: str, context: dict[str, Any]) -> TemplateResponse:
        request.current_app = self.admin_site.name
        base = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": self.opts.verbose_name_plural,
            "has_add_permission": self.has_add_permission(request),
        }
        return TemplateResponse(request, f"admin/ecommerce/order/{template}", {**base, **context})
