"""Webhook endpoints: added, changed, tested, switched on and off; their secrets are shown once."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.functional import lazy
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import format_lazy
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST
from unfold.widgets import UnfoldAdminSplitDateTimeWidget

from backoffice.badges import badge
from backoffice.base_admin import StaffAdmin
from backoffice.columns import column
from backoffice.list_tabs import Tab, Tabbed
from backoffice.times import moment
from customers.actors import actor
from ecommerce.admin.webhooks.endpoint_form import EndpointForm
from ecommerce.models import WebhookDelivery, WebhookEndpoint
from ecommerce.webhooks import endpoints, health
from ecommerce.webhooks.events import EVENT_TYPES, TEST

DELIVERIES = "admin:ecommerce_webhookdelivery_changelist"
RESEND = "ecommerce.resend_webhookdelivery"
BOTH_VALID = timedelta(days=1)
WAITS = "waiting"  # what to do with what waits for an endpoint that is switched on again


class SinceForm(forms.Form):
    since = forms.SplitDateTimeField(
        label=_("Since"),
        widget=UnfoldAdminSplitDateTimeWidget(),
        help_text=format_lazy(_("Day and time in {zone}."), zone=lazy(timezone.get_current_timezone_name, str)()),
    )


def endpoint_badge(endpoint: WebhookEndpoint) -> SafeString:
    if not endpoint.active:
        return badge("failed", gettext("Off"))
    return badge("pending", gettext("Failing")) if endpoint.failing_since else badge("active", gettext("On"))


@admin.register(WebhookEndpoint)
class WebhookEndpointAdmin(Tabbed, StaffAdmin):
    form = EndpointForm
    list_title = _("Webhook endpoints")
    list_display = ("name", "event_list", "state", "succeeded", "waits_since")
    list_display_links = ("name",)
    search_fields = ("url", "description")
    search_help_text = _("Address or description")
    empty_text = _("Other systems are told of orders, refunds, customers and stock here. Add the address of the first.")
    change_form_template = "admin/ecommerce/webhookendpoint/change_form.html"
    fieldsets = (
        (None, {"fields": ("url", "description")}),
        (_("Events"), {"fields": ("every_event", "event_types")}),
        (_("Who is told when it is switched off"), {"fields": (("owner", "owner_email"),)}),
    )
    tabs = (
        Tab(_("All")),
        Tab(_("On"), Q(active=True), (("active__exact", "1"),)),
        Tab(_("Failing"), Q(active=True, failing_since__isnull=False),
            (("active__exact", "1"), ("failing_since__isnull", "0"))),
        Tab(_("Off"), Q(active=False), (("active__exact", "0"),)),
    )  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[WebhookEndpoint]:
        return health.with_health(super().get_queryset(request))

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        beside = {"link": reverse(DELIVERIES), "title": gettext("All deliveries")}
        return super().changelist_view(request, {"beside": beside, **(extra_context or {})})

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        endpoint = self.get_object(request, object_id)
        context = {"endpoint": endpoint, **self._state(request, endpoint)} if endpoint else {}
        page: HttpResponse = super().change_view(request, object_id, form_url, {**context, **(extra_context or {})})
        return page

    def _state(self, request: HttpRequest, endpoint: Any) -> dict[str, Any]:
        last_test = endpoint.deliveries.filter(type=TEST).order_by("-pk").first()
        return {
            "state": endpoint_badge(endpoint),
            "waiting": health.waiting_count(endpoint),
            "deliveries_url": f"{reverse(DELIVERIES)}?endpoint={endpoint.pk}",
            "last_test": last_test,
            "test_waits": last_test and last_test.status == WebhookDelivery.Status.QUEUED and endpoint.active,
            "may_change": self.has_change_permission(request, endpoint),
            "may_resend": request.user.has_perm(RESEND),
        }

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        # What was delivered goes too, which nobody wants listed.
        return [str(each) for each in objs], {str(self.opts.verbose_name_plural): len(objs)}, set(), []

    # The secret

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: str | None = None) -> HttpResponse:
        return self._show_secret(request, obj, obj.secret)

    def _show_secret(
        self, request: HttpRequest, endpoint: WebhookEndpoint, secret: str, *, rotated: bool = False
    ) -> HttpResponse:
        # Rendered here, not in a redirect: it must not be kept, not even in a message.
        context = {"title": gettext("The secret"), "secret": secret, "rotated": rotated}
        return self._render(request, "secret.html", endpoint, **context)

    def _render(self, request: HttpRequest, template: str, endpoint: WebhookEndpoint, **context: Any) -> HttpResponse:
        base = {**self.admin_site.each_context(request), "opts": self.opts, "endpoint": endpoint, "original": endpoint}
        return TemplateResponse(request, f"admin/ecommerce/webhookendpoint/{template}", {**base, **context})

    # The acts

    def get_urls(self) -> list[URLPattern]:
        acts: dict[str, Callable[..., HttpResponse]] = {
            "rotate": self.rotate_view,
            "on": require_POST(self.on_view),
            "off": require_POST(self.off_view),
            "test": self.test_view,
            "since": self.since_view,
        }
        wrap = self.admin_site.admin_view
        own = [
            path(f"<int:pk>/{act}/", wrap(view), name=f"ecommerce_webhookendpoint_{act}") for act, view in acts.items()
        ]
        return [*own, *super().get_urls()]

    def _endpoint(self, request: HttpRequest, pk: int, *, may: bool) -> WebhookEndpoint:
        if not may:
            raise PermissionDenied
        return get_object_or_404(WebhookEndpoint, pk=pk)

    def rotate_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        endpoint = self._endpoint(request, pk, may=self.has_change_permission(request))
        if request.method == "POST":
            secret = endpoints.rotate_secret(endpoint_id=pk, keep=BOTH_VALID)
            return self._show_secret(request, endpoint, secret, rotated=True)
        return self._render(request, "rotate.html", endpoint, title=gettext("Rotate the secret"))

    def on_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        self._endpoint(request, pk, may=self.has_change_permission(request))
        replay = request.POST.get(WAITS) != "leave"
        count = endpoints.switch_on(endpoint_id=pk, replay=replay)
        said = gettext("The endpoint is on.")
        if count:
            waited = ngettext("%(n)d event waited", "%(n)d events waited", count) % {"n": count}
            said += " " + (gettext("%s: sent now.") if replay else gettext("%s: not sent.")) % waited
        messages.success(request, said)
        return _to_page(pk)

    def off_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        self._endpoint(request, pk, may=self.has_change_permission(request))
        endpoints.switch_off(endpoint_id=pk, reason=gettext("Switched off by %(who)s.") % {"who": actor(request).label})
        messages.success(request, gettext("It is off. What happens in the next seven days waits until it is on again."))
        return _to_page(pk)

    def test_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        if request.method == "POST":
            self._endpoint(request, pk, may=self.has_change_permission(request))
            endpoints.send_test(endpoint_id=pk)
            endpoints.try_now(endpoint_id=pk)
            return _to_page(pk)
        # What became of it, asked for by the page while it waits.
        self._endpoint(request, pk, may=self.has_view_permission(request))
        endpoint = self.get_queryset(request).get(pk=pk)
        return self._render(request, "health.html", endpoint, **self._state(request, endpoint))

    def since_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        endpoint = self._endpoint(request, pk, may=request.user.has_perm(RESEND))
        form = SinceForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            count = endpoints.send_all_since(endpoint_id=pk, since=form.cleaned_data["since"])
            said = ngettext("%(n)d event is sent again.", "%(n)d events are sent again.", count) % {"n": count}
            messages.success(request, said if count else gettext("Nothing was sent to it since then."))
            return _to_page(pk)
        return self._render(request, "since.html", endpoint, title=gettext("Send all since"), form=form)

    # The list

    @column(_("endpoint"))
    def name(self, endpoint: WebhookEndpoint) -> SafeString:
        return format_html('<span class="unbroken">{}</span>', endpoint)

    @column(_("events"))
    def event_list(self, endpoint: WebhookEndpoint) -> str:
        if not endpoint.event_types:
            return gettext("All")
        return gettext("%(n)d of %(all)d") % {"n": len(endpoint.event_types), "all": len(EVENT_TYPES)}

    @column(_("status"))
    def state(self, endpoint: WebhookEndpoint) -> SafeString:
        return endpoint_badge(endpoint)

    @column(_("last delivered"))
    def succeeded(self, endpoint: Any) -> SafeString | str:
        return moment(endpoint.last_success)

    @column(_("waiting since"))
    def waits_since(self, endpoint: Any) -> SafeString | str:
        return moment(endpoint.waiting_since)


def _page_url(pk: int) -> str:
    return reverse("admin:ecommerce_webhookendpoint_change", args=[pk])


def _to_page(pk: int) -> HttpResponse:
    return HttpResponseRedirect(_page_url(pk))
