"""The filters of webhook deliveries: endpoint, type, kind of object, and one object with all that belongs to it."""

from typing import Any

from django.contrib.admin import SimpleListFilter
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import DropdownFilter

from ecommerce.admin.webhooks.endpoint_form import GROUPS
from ecommerce.models import Order, WebhookDelivery, WebhookEndpoint
from ecommerce.webhooks.events import EVENT_TYPES, TEST

MAX_ENDPOINTS = 200


class EndpointFilter(DropdownFilter):  # type: ignore[misc]
    title = _("endpoint")
    parameter_name = "endpoint"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(str(each.pk), str(each)) for each in WebhookEndpoint.objects.order_by("-pk")[:MAX_ENDPOINTS]]

    def queryset(self, request: HttpRequest, queryset: QuerySet[WebhookDelivery]) -> QuerySet[WebhookDelivery]:
        value = self.value() or ""
        return queryset.filter(endpoint=int(value[:18])) if value.isdecimal() else queryset


class TypeFilter(DropdownFilter):  # type: ignore[misc]
    title = _("type")
    parameter_name = "type"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(each, each) for each in (*EVENT_TYPES, TEST)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[WebhookDelivery]) -> QuerySet[WebhookDelivery]:
        return queryset.filter(type=self.value()) if self.value() else queryset


class ObjectTypeFilter(DropdownFilter):  # type: ignore[misc]
    title = _("about")
    parameter_name = "about"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return list(GROUPS.items())

    def queryset(self, request: HttpRequest, queryset: QuerySet[WebhookDelivery]) -> QuerySet[WebhookDelivery]:
        return queryset.filter(object_type=self.value()) if self.value() else queryset


class StreamFilter(SimpleListFilter):
    """One order, customer or SKU: what its page links to. Shown as a filter only where it is in force."""

    title = _("object")
    parameter_name = "stream"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        value = self.value() or ""
        return [(value, stream_name(value))] if value else []

    def queryset(self, request: HttpRequest, queryset: QuerySet[WebhookDelivery]) -> QuerySet[WebhookDelivery]:
        return queryset.filter(stream=self.value()) if self.value() else queryset


def stream_name(stream: str) -> str:
    kind, _dash, number = stream.partition("-")
    if kind == "order" and number.isdecimal():
        number = Order.objects.filter(pk=int(number[:18])).values_list("number", flat=True).first() or number
    return f"{kind} {number}"
