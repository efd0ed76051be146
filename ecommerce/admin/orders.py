"""The orders in the staff admin."""

from typing import Any, cast

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from customers.admin.base import ReadOnlyAdmin
from ecommerce.admin import mass_actions
from ecommerce.admin.order_filters import Asked
from ecommerce.admin.order_list import context_of
from ecommerce.admin.order_search import matching
from ecommerce.models import Order
from ecommerce.models.order import OrderQuerySet


@admin.register(Order)
class OrderAdmin(ReadOnlyAdmin):
    """The list and the page of orders. Nothing of an order is edited: it is acted on."""

    search_fields = ("number",)

    def has_add_permission(self, request: HttpRequest, *args: Any) -> bool:
        """Tell whether this person may make orders."""
        return bool(request.user.has_perm("ecommerce.add_order"))

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Search as the list does."""
        return matching(cast(OrderQuerySet, queryset), search_term), False

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Show the list, or carry out a mass action."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        asked = Asked.of(request.GET)
        if request.method == "POST":
            return mass_actions.run(self, request, asked)
        return self.page(request, "list.html", {**context_of(request, asked), **(extra_context or {})})

    def page(self, request: HttpRequest, template: str, context: dict[str, Any]) -> TemplateResponse:
        """Show a page of orders within the admin's frame."""
        request.current_app = self.admin_site.name
        frame = {**self.admin_site.each_context(request), "opts": self.opts, "title": self.opts.verbose_name_plural}
        can = {"has_add_permission": self.has_add_permission(request)}
        return TemplateResponse(request, f"admin/ecommerce/order/{template}", {**frame, **can, **context})
