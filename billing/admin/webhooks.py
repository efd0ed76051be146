"""Webhook events as received, and the button that processes one again."""

import json
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Now
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from backoffice.activity.record import record_all
from backoffice.badges import badge
from backoffice.base_admin import ReadOnlyAdmin
from backoffice.columns import column
from backoffice.list_tabs import Tab, Tabbed
from backoffice.models import Activity
from backoffice.times import moment
from billing.models import WebhookEvent


@admin.register(WebhookEvent)
class WebhookEventAdmin(Tabbed, ReadOnlyAdmin):
    list_display = ("stripe_event_id", "type", "state", "why", "received", "processed")
    search_fields = ("stripe_event_id", "type")
    empty_text = _("What Stripe reports appears here. Its endpoint is /webhooks/stripe/ of this site.")
    search_help_text = _("Event id or type")
    actions = ("process_again",)
    fields = (("state", "type"), "stripe_event_id", ("received", "processed"), "attempts", "error", "readable_payload")
    tabs = (
        Tab(_("All")),
        Tab(_("Waiting"), Q(next_attempt_at__isnull=False), (("next_attempt_at__isnull", "0"),)),
        Tab(_("With an error"), ~Q(error=""), (("error__gt", ""),)),
    )

    def search(self, queryset: QuerySet[Any], text: str) -> QuerySet[Any]:
        field = "stripe_event_id" if text.startswith("evt_") else "type"
        return queryset.filter(**{f"{field}__startswith": text})

    def has_process_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("billing.change_webhookevent"))

    @admin.action(description=_("Process again"), permissions=["process"])
    def process_again(self, request: HttpRequest, queryset: QuerySet[WebhookEvent]) -> None:
        # The row is the queue: the sweep picks up what has a next attempt.
        # Without its payload nobody knows any more what an event was about.
        kept = queryset.exclude(payload={})
        with transaction.atomic():
            events = list(kept.order_by("pk").defer("payload").select_for_update(no_key=True))
            waiting = WebhookEvent.objects.filter(pk__in=[event.pk for event in events])
            count = waiting.update(next_attempt_at=Now(), processed_at=None, attempts=0, enqueued_at=None)
            record_all(act=Activity.Act.SENT_AGAIN, kind=Activity.Kind.WEBHOOK, objects=events)
        self.message_user(request, gettext("Events to be processed again within seconds: %(n)d.") % {"n": count})

    def get_urls(self) -> list[Any]:
        view = require_POST(self.admin_site.admin_view(self.process_again_view))
        return [path("<int:pk>/again/", view, name="billing_webhookevent_again"), *super().get_urls()]

    def process_again_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        if not self.has_process_permission(request):
            raise PermissionDenied
        self.process_again(request, WebhookEvent.objects.filter(pk=pk))
        return HttpResponseRedirect(reverse("admin:billing_webhookevent_change", args=[pk]))

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        context = {"may_process": self.has_process_permission(request), **(extra_context or {})}
        page: HttpResponse = super().change_view(request, object_id, form_url, context)
        return page

    @column(_("status"))
    def state(self, event: WebhookEvent) -> SafeString:
        if event.next_attempt_at is not None:
            return badge("waiting", gettext("Failed, is tried again") if event.error else gettext("Waiting"))
        if event.error:
            return badge("failed", gettext("Failed"))
        return badge("", gettext("Ignored")) if event.ignored else badge("processed", gettext("Processed"))

    @column(_("error"))
    def why(self, event: WebhookEvent) -> str:
        return event.error[:120] or "–"

    @column(_("received"))
    def received(self, event: WebhookEvent) -> SafeString | str:
        return moment(event.received_at)

    @column(_("processed"))
    def processed(self, event: WebhookEvent) -> SafeString | str:
        return moment(event.processed_at)

    @column(_("payload"))
    def readable_payload(self, event: WebhookEvent) -> SafeString | str:
        if not event.payload:
            return gettext("Removed some weeks after the event was processed.")
        return format_html('<pre class="payload">{}</pre>', json.dumps(event.payload, indent=2, ensure_ascii=False))
