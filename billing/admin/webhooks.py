"""Stripe's events as they came in, and the button that works on one again."""

import json
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from backoffice.badges import badge
from backoffice.base_admin import ReadOnlyAdmin
from backoffice.columns import column
from backoffice.list_tabs import Tab, Tabbed
from backoffice.times import moment
from billing.models import WebhookEvent


@admin.register(WebhookEvent)
class WebhookEventAdmin(Tabbed, ReadOnlyAdmin):
    """The inbox of Stripe's events."""

    list_display = ("stripe_event_id", "type", "state", "why", "received", "processed")
    search_fields = ("stripe_event_id", "type")
    empty_words = _("What Stripe reports appears here. Its endpoint is /webhooks/stripe/ of this site.")
    search_help_text = _("Event id or type")
    actions = ("process_again",)
    change_form_template = "billing/webhook_event.html"
    fields = (("state", "type"), "stripe_event_id", ("received", "processed"), "attempts", "error", "readable_payload")
    tabs = (
        Tab(_("All")),
        Tab(_("Waiting"), Q(next_attempt_at__isnull=False), (("next_attempt_at__isnull", "0"),)),
        Tab(_("With an error"), ~Q(error=""), (("error__gt", ""),)),
    )

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Find by id or by the beginning of the type."""
        text = search_term.strip()
        if not text:
            return queryset, False
        column_of = "stripe_event_id" if text.startswith("evt_") else "type"
        return queryset.filter(**{f"{column_of}__startswith": text}), False

    def has_process_permission(self, request: HttpRequest) -> bool:
        """Tell whether this person may have events worked on again."""
        return bool(request.user.has_perm("billing.change_webhookevent"))

    @admin.action(description=_("Process again"), permissions=["process"])
    def process_again(self, request: HttpRequest, queryset: QuerySet[WebhookEvent]) -> None:
        """Make the events due, with all their tries before them: the row is the queue."""
        count = queryset.update(next_attempt_at=timezone.now(), processed_at=None, attempts=0)
        self.message_user(request, gettext("Events to be processed again within seconds: %(n)d.") % {"n": count})

    def get_urls(self) -> list[Any]:
        """Add the button's address."""
        view = require_POST(self.admin_site.admin_view(self.again_view))
        return [path("<int:key>/again/", view, name="billing_webhookevent_again"), *super().get_urls()]

    def again_view(self, request: HttpRequest, key: int) -> HttpResponse:
        """Work on one event again."""
        if not self.has_process_permission(request):
            raise PermissionDenied
        self.process_again(request, WebhookEvent.objects.filter(pk=key))
        return HttpResponseRedirect(reverse("admin:billing_webhookevent_change", args=[key]))

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the event."""
        may = {"may_process": self.has_process_permission(request)}
        page: HttpResponse = super().change_view(request, object_id, form_url, may | (extra_context or {}))
        return page

    @column(_("status"))
    def state(self, event: WebhookEvent) -> SafeString:
        """Show what became of it."""
        if event.next_attempt_at is not None:
            return badge("waiting", gettext("Failed, is tried again") if event.error else gettext("Waiting"))
        return badge("failed", gettext("Failed")) if event.error else badge("processed", gettext("Processed"))

    @column(_("error"))
    def why(self, event: WebhookEvent) -> str:
        """Say what went wrong, cut short."""
        return event.error[:120] or "–"

    @column(_("received"))
    def received(self, event: WebhookEvent) -> SafeString | str:
        """Give when it came."""
        return moment(event.received_at)

    @column(_("processed"))
    def processed(self, event: WebhookEvent) -> SafeString | str:
        """Give when it was done with."""
        return moment(event.processed_at)

    @column(_("payload"))
    def readable_payload(self, event: WebhookEvent) -> SafeString:
        """Show what Stripe sent, indented."""
        return format_html('<pre class="payload">{}</pre>', json.dumps(event.payload, indent=2, ensure_ascii=False))
