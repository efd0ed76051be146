"""The filters of webhook deliveries: endpoint, type, kind of object, and one object with all that belongs to it."""

from typing import Any

from django.contrib.admin import SimpleListFilter
from django.db.models import BigIntegerField, Case, F, Func, OuterRef, QuerySet, Subquery, Value, When
from django.db.models.functions import Cast
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import DropdownFilter

from ecommerce.admin.webhooks.endpoint_form import GROUPS
from ecommerce.models import Order, Sku, WebhookDelivery, WebhookEndpoint
from ecommerce.webhooks.events import EVENT_TYPES, TEST

MAX_ENDPOINTS = 200
STREAM_KEY = Cast(Func(F("stream"), Value("-"), Value(2), function="split_part"), BigIntegerField())


def with_numbers(deliveries: QuerySet[WebhookDelivery]) -> QuerySet[WebhookDelivery]:
    """Annotate the number of the order, or the code of the SKU, whose stream each is of."""
    orders = Order.objects.filter(pk=OuterRef("stream_key")).values("number")
    skus = Sku.objects.filter(pk=OuterRef("stream_key")).values("code")
    # Of test events the stream has no key.
    keyed = deliveries.alias(stream_key=Case(When(stream__regex="^[a-z]+-[0-9]+$", then=STREAM_KEY)))
    of_order = When(stream__startswith="order-", then=Subquery(orders))
    return keyed.annotate(number=Case(of_order, When(stream__startswith="sku-", then=Subquery(skus))))


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
        return [(value, _stream_name(value))] if value else []

    def queryset(self, request: HttpRequest, queryset: QuerySet[WebhookDelivery]) -> QuerySet[WebhookDelivery]:
        return queryset.filter(stream=self.value()) if self.value() else queryset


def _stream_name(stream: str) -> str:
    kind, _dash, key = stream.partition("-")
    found: Any = with_numbers(WebhookDelivery.objects.filter(stream=stream)).first()
    return f"{kind} {found.number if found and found.number else key}"
