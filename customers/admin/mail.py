"""The mailbox: every mail that the shop wrote, as its recipient sees it, and what became of it."""

from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_POST

from backoffice.badges import badge
from backoffice.base_admin import ReadOnlyAdmin
from backoffice.columns import column
from backoffice.list_tabs import Tabbed, status_tabs
from backoffice.times import moment
from customers.emails import email_key
from customers.mail import outbox
from customers.models import Mail

# A mail runs nothing, loads nothing, and leads nowhere from inside its frame.
MAIL_POLICY = "sandbox; default-src 'none'; img-src data:; style-src 'unsafe-inline'; frame-ancestors 'self'"


@admin.register(Mail)
class MailAdmin(Tabbed, ReadOnlyAdmin):
    list_display = ("state", "title", "recipient", "kind", "written", "why")
    list_display_links = ("title",)
    search_fields = ("recipient", "subject")
    search_help_text = _("E-mail or subject")
    empty_text = _("Every mail that the shop writes appears here, with what became of it.")
    actions = ("send_again",)
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
    tabs = status_tabs(Mail.Status)
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
            why = gettext("Left as they are, since they wait, have arrived, or have lost their text: %(n)d.")
            said += " " + why % {"n": left}
        self.message_user(request, said)

    def get_urls(self) -> list[Any]:
        wrap = self.admin_site.admin_view
        return [
            path("<int:pk>/again/", require_POST(wrap(self.send_again_view)), name="customers_mail_again"),
            path("<int:pk>/html/", xframe_options_sameorigin(wrap(self.html_view)), name="customers_mail_html"),
            *super().get_urls(),
        ]

    def send_again_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        if not self.has_resend_permission(request):
            raise PermissionDenied
        self.send_again(request, Mail.objects.filter(pk=pk))
        return HttpResponseRedirect(reverse("admin:customers_mail_change", args=[pk]))

    def html_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        mail = Mail.objects.filter(pk=pk).exclude(html="").first()
        if mail is None:
            raise Http404
        if not self.has_view_permission(request, mail) or not self.may_read(request, mail):
            raise PermissionDenied
        return HttpResponse(mail.html, headers={"Content-Security-Policy": MAIL_POLICY})

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        mail = self.get_object(request, unquote(object_id))
        context = {
            "may_send_again": settings.MAIL_BACKEND
            and mail
            and mail.may_be_sent_again
            and self.has_resend_permission(request),
            "may_read": mail and self.may_read(request, mail),
            **(extra_context or {}),
        }
        page: HttpResponse = super().change_view(request, object_id, form_url, context)
        return page

    @column(_("status"))
    def state(self, mail: Mail) -> SafeString:
        return badge(mail.status, mail.get_status_display())

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

    @column(_("written"))
    def written(self, mail: Mail) -> SafeString | str:
        return moment(mail.created_at)

    @column(_("sent"))
    def sent(self, mail: Mail) -> SafeString | str:
        return moment(mail.sent_at)

    @column(_("next attempt"))
    def next_try(self, mail: Mail) -> SafeString | str:
        return moment(mail.next_attempt_at)
