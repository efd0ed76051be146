"""Webhook deliveries: what was sent to whom, what came back, and "Send again"."""

import json
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from backoffice.badges import badge
from backoffice.base_admin import ReadOnlyAdmin
from backoffice.columns import column
from backoffice.list_tabs import Tabbed, status_tabs
from backoffice.times import moment
from ecommerce.admin.webhooks.filters import EndpointFilter, ObjectTypeFilter, StreamFilter, TypeFilter, with_numbers
from ecommerce.models import Order, WebhookDelivery
from ecommerce.webhooks import endpoints

RESEND = "ecommerce.resend_webhookdelivery"
Status = WebhookDelivery.Status
ENDPOINT = "admin:ecommerce_webhookendpoint_change"
PAGES = {"order": "ecommerce_order", "sku": "ecommerce_sku", "customer": "customers_customer"}
STREAMS = {"order": _("Order"), "sku": _("SKU"), "customer": _("Customer")}


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(Tabbed, ReadOnlyAdmin):
    list_title = _("Webhook deliveries")
    list_display = ("state", "event", "about", "endpoint_name", "answer", "happened")
    list_display_links = ("event",)
    list_filter = (EndpointFilter, TypeFilter, ObjectTypeFilter, StreamFilter)
    list_select_related = ("endpoint",)
    search_fields = ("event_id",)
    search_help_text = _("Number of an order, or id of an event")
    empty_text = _("What happens to orders, refunds, customers and stock appears here, once an endpoint asks for it.")
    actions = ("send_again",)
    fields = (
        ("state", "event"),
        ("about", "endpoint_name"),
        "named",
        ("happened", "delivered"),
        ("attempts", "next_try"),
        "sequence",
        "why",
    )
    tabs = status_tabs(Status)
    change_form_template = "admin/ecommerce/webhookdelivery/change_form.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[WebhookDelivery]:
        return with_numbers(super().get_queryset(request))

    def has_module_permission(self, request: HttpRequest) -> bool:
        # Reached from the endpoints, not from the sidebar.
        return False

    def search(self, queryset: QuerySet[Any], text: str) -> QuerySet[Any]:
        if text.startswith("evt_"):
            return queryset.filter(event_id=text)
        order = Order.objects.filter(number=text).values_list("pk", flat=True).first()
        return queryset.filter(stream=f"order-{order}") if order else queryset.none()

    def has_resend_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm(RESEND))

    @admin.action(description=_("Send again"), permissions=["resend"])
    def send_again(self, request: HttpRequest, queryset: QuerySet[WebhookDelivery]) -> None:
        chosen = list(queryset.values_list("pk", flat=True))
        count = endpoints.send_again(delivery_ids=chosen)
        said = ngettext("%(n)d event is sent again.", "%(n)d events are sent again.", count) % {"n": count}
        if left := len(chosen) - count:
            why = gettext("Left as they are, since they wait anyway: %(n)d.")
            said = " ".join([*([said] if count else []), why % {"n": left}])
        self.message_user(request, said, messages.SUCCESS if count else messages.WARNING)

    def get_urls(self) -> list[URLPattern]:
        view = require_POST(self.admin_site.admin_view(self.send_again_view))
        return [path("<int:pk>/again/", view, name="ecommerce_webhookdelivery_again"), *super().get_urls()]

    def send_again_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        if not self.has_resend_permission(request):
            raise PermissionDenied
        self.send_again(request, WebhookDelivery.objects.filter(pk=pk))
        return HttpResponseRedirect(reverse("admin:ecommerce_webhookdelivery_change", args=[pk]))

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        delivery = self.get_object(request, object_id)
        context = {} if delivery is None else self._request_and_answer(request, delivery)
        page: HttpResponse = super().change_view(request, object_id, form_url, {**context, **(extra_context or {})})
        return page

    def _request_and_answer(self, request: HttpRequest, delivery: Any) -> dict[str, Any]:
        ended = delivery.status != Status.QUEUED
        return {
            "delivery": delivery,
            "may_send_again": ended and self.has_resend_permission(request),
            "is_off": delivery.status == Status.QUEUED and not delivery.endpoint.active,
            "request_headers": sorted(delivery.request_headers.items()),
            "request_body": readable(delivery.payload),
        }

    @column(_("status"))
    def state(self, delivery: WebhookDelivery) -> SafeString:
        if delivery.status == Status.QUEUED and delivery.error:
            return badge("waiting", gettext("Failed, is tried again"))
        return badge(delivery.status, delivery.get_status_display())

    @column(_("event"))
    def named(self, delivery: WebhookDelivery) -> SafeString:
        return format_html('<code class="unbroken">{}</code>', delivery.event_id)

    @column(_("type"))
    def event(self, delivery: WebhookDelivery) -> SafeString:
        return format_html("<code>{}</code>", delivery.type)

    @column(_("about"))
    def about(self, delivery: Any) -> SafeString | str:
        kind, _dash, key = delivery.stream.partition("-")
        if kind not in PAGES:
            return "–"
        link = reverse(f"admin:{PAGES[kind]}_change", args=[key])
        return format_html('<a class="link" href="{}">{} {}</a>', link, STREAMS[kind], delivery.number or key)

    @column(_("endpoint"))
    def endpoint_name(self, delivery: WebhookDelivery) -> SafeString:
        return format_html(
            '<a class="link unbroken" href="{}">{}</a>',
            reverse(ENDPOINT, args=[delivery.endpoint_id]),
            delivery.endpoint,
        )

    @column(_("answer"))
    def answer(self, delivery: WebhookDelivery) -> str:
        if delivery.response_status is None:
            return delivery.error[:120] or "–"
        return f"{delivery.response_status}, {delivery.duration_ms or 0:,} ms"

    @column(_("reason"))
    def why(self, delivery: WebhookDelivery) -> str:
        return delivery.error or "–"

    @column(_("happened"))
    def happened(self, delivery: WebhookDelivery) -> SafeString | str:
        return moment(delivery.created_at)

    @column(_("delivered"))
    def delivered(self, delivery: WebhookDelivery) -> SafeString | str:
        return moment(delivery.delivered_at)

    @column(_("next attempt"))
    def next_try(self, delivery: WebhookDelivery) -> SafeString | str:
        return moment(delivery.next_attempt_at)


def readable(payload: str) -> str:
    """The body with its lines indented; what was sent has none."""
    return json.dumps(json.loads(payload), indent=2, ensure_ascii=False) if payload else ""
