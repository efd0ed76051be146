"""The mailbox: every mail that the shop wrote, as its recipient sees it, and what became of it."""

from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin import SimpleListFilter
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_POST

from backoffice.badges import badge
from backoffice.base_admin import ReadOnlyAdmin
from backoffice.columns import column
from backoffice.list_tabs import Tab, Tabbed, status_tabs
from backoffice.times import moment
from customers.admin.mail_page import attachment_response, html_response, page_context
from customers.emails import email_key
from customers.mail import outbox
from customers.mail.attention import NEEDS_ATTENTION
from customers.models import Mail


class AttentionFilter(SimpleListFilter):
    """What the tab and the dashboard link to. Shown as a filter only where it is in force."""

    title = _("needs attention")
    parameter_name = "attention"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("1", _("Needs attention"))] if self.value() else []

    def queryset(self, request: HttpRequest, queryset: QuerySet[Mail]) -> QuerySet[Mail]:
        return queryset.filter(NEEDS_ATTENTION) if self.value() else queryset


@admin.register(Mail)
class MailAdmin(Tabbed, ReadOnlyAdmin):
    list_display = ("state", "title", "recipient", "kind", "written", "why_in_brief")
    list_display_links = ("title",)
    list_filter = ("kind", AttentionFilter)
    search_fields = ("recipient", "subject")
    search_help_text = _("E-mail or subject")
    empty_text = _("Every mail that the shop writes appears here, with what became of it.")
    actions = ("send_again", "dismiss")
    fields = (
        ("state", "kind"),
        ("recipient", "sender"),
        "about_link",
        ("written", "sent"),
        ("attempts", "next_try"),
        "why",
        "named",
        "answered",
    )
    tabs = (
        *status_tabs(Mail.Status),
        Tab(_("Needs attention"), NEEDS_ATTENTION, (("attention", "1"),)),
    )
    change_form_template = "admin/customers/mail/change_form.html"

    def search(self, queryset: QuerySet[Any], text: str) -> QuerySet[Any]:
        return queryset.filter(Q(recipient_key__startswith=email_key(text)) | Q(subject__icontains=text))

    def has_resend_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("customers.resend_mail"))

    def may_read(self, request: HttpRequest, mail: Mail) -> bool:
        # Whoever reads a link that sets a password takes the account over, and a link of an invitation makes staff:
        # only those who may do both anyway see them. All others see that the mail exists, and what became of it.
        return bool(not mail.has_secrets or getattr(request.user, "is_superuser", False))

    @admin.action(description=_("Send again"), permissions=["resend"])
    def send_again(self, request: HttpRequest, queryset: QuerySet[Mail]) -> None:
        if not settings.MAIL_BACKEND:
            nothing = gettext("Nothing was sent: no mail server is configured. Set EMAIL_URL first.")
            self.message_user(request, nothing, messages.WARNING)
            return
        chosen = list(queryset.values_list("pk", flat=True))
        count = outbox.send_again(chosen)
        said = ngettext("%(n)d mail is sent again.", "%(n)d mails are sent again.", count) % {"n": count}
        if left := len(chosen) - count:
            why = gettext(
                "Left as they are, since they wait, are links that have arrived, or have lost their text: %(n)d."
            )
            said += " " + why % {"n": left}
        self.message_user(request, said)

    @admin.action(description=_("Needs no attention"), permissions=["resend"])
    def dismiss(self, request: HttpRequest, queryset: QuerySet[Mail]) -> None:
        count = outbox.dismiss(list(queryset.values_list("pk", flat=True)))
        said = ngettext("%(n)d mail needs attention no more.", "%(n)d mails need attention no more.", count)
        self.message_user(request, said % {"n": count})

    def get_urls(self) -> list[Any]:
        wrap = self.admin_site.admin_view
        return [
            path("<int:pk>/again/", require_POST(wrap(self.send_again_view)), name="customers_mail_again"),
            path("<int:pk>/dismiss/", require_POST(wrap(self.dismiss_view)), name="customers_mail_dismiss"),
            path("<int:pk>/html/", xframe_options_sameorigin(wrap(self.html_view)), name="customers_mail_html"),
            path("<int:pk>/attachment/<int:position>/", wrap(self.attachment_view), name="customers_mail_attachment"),
            *super().get_urls(),
        ]

    def send_again_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        return self._act(request, pk, self.send_again)

    def dismiss_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        return self._act(request, pk, self.dismiss)

    def _act(self, request: HttpRequest, pk: int, act: Any) -> HttpResponse:
        if not self.has_resend_permission(request):
            raise PermissionDenied
        act(request, Mail.objects.filter(pk=pk))
        back = request.POST.get("next", "")
        is_ours = url_has_allowed_host_and_scheme(back, {request.get_host()}, require_https=request.is_secure())
        return HttpResponseRedirect(back if is_ours else reverse("admin:customers_mail_change", args=[pk]))

    def html_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        return html_response(request, self._readable(request, Mail.objects.filter(pk=pk).exclude(html="").first()))

    def attachment_view(self, request: HttpRequest, pk: int, position: int) -> HttpResponse:
        return attachment_response(self._readable(request, Mail.objects.filter(pk=pk).first()), position)

    def _readable(self, request: HttpRequest, mail: Mail | None) -> Mail:
        if mail is None:
            raise Http404
        if not self.has_view_permission(request, mail) or not self.may_read(request, mail):
            raise PermissionDenied
        return mail

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        mail = self.get_object(request, unquote(object_id))
        context: dict[str, Any] = extra_context or {}
        if mail and self.has_view_permission(request, mail):
            may_act, may_read = self.has_resend_permission(request), self.may_read(request, mail)
            context = {
                "may_send_again": settings.MAIL_BACKEND and may_act and mail.may_be_sent_again,
                "may_dismiss": may_act and mail.status in Mail.UNWANTED and mail.dismissed_at is None,
                "may_read": may_read,
                **(page_context(request, mail) if may_read else {}),
                **context,
            }
        page: HttpResponse = super().change_view(request, object_id, form_url, context)
        return page

    @column(_("status"))
    def state(self, mail: Mail) -> SafeString:
        return badge(mail.status, mail.state)

    @column(_("subject"))
    def title(self, mail: Mail) -> str:
        return str(mail)

    @column(_("about"))
    def about_link(self, mail: Mail) -> SafeString | str:
        if mail.about is None or mail.about_type is None:
            return "–"
        name = f"admin:{mail.about_type.app_label}_{mail.about_type.model}_change"
        return format_html('<a class="link" href="{}">{}</a>', reverse(name, args=[mail.about_id]), mail.about)

    @column(_("Message-ID"))
    def named(self, mail: Mail) -> SafeString:
        return format_html('<span class="unbroken">{}</span>', mail.message_id)

    @column(_("answer of the mail server"))
    def answered(self, mail: Mail) -> SafeString:
        return format_html('<span class="unbroken">{}</span>', mail.provider_id or "–")

    @column(_("reason"))
    def why(self, mail: Mail) -> str:
        if mail.status == Mail.Status.KEPT:
            return gettext("No mail server was configured (EMAIL_URL) when it was due.")
        return mail.error or "–"

    @column(_("reason"))
    def why_in_brief(self, mail: Mail) -> str:
        return gettext("No mail server") if mail.status == Mail.Status.KEPT else mail.error or "–"

    @column(_("written"))
    def written(self, mail: Mail) -> SafeString | str:
        return moment(mail.created_at)

    @column(_("sent"))
    def sent(self, mail: Mail) -> SafeString | str:
        return moment(mail.sent_at)

    @column(_("next attempt"))
    def next_try(self, mail: Mail) -> SafeString | str:
        return moment(mail.next_attempt_at)
