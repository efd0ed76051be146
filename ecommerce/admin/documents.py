"""The files of invoices and credit notes: what could not be issued, why, and the button that issues it again."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db import models
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import path
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from backoffice.badges import badge
from backoffice.base_admin import ReadOnlyAdmin
from backoffice.columns import column
from backoffice.enqueue import enqueue_on_commit
from backoffice.list_tabs import Tabbed, status_tabs
from backoffice.times import moment
from billing.admin.links import link
from billing.admin.search import credit_notes_matching, invoices_matching
from billing.models import CreditNote, Document, Invoice
from billing.tasks import make_documents
from ecommerce.orders.issue_again import issue_again


def _page_of(document: Document) -> str:
    return "billing_creditnote" if document.credit_note_id else "billing_invoice"


@admin.register(Document)
class DocumentAdmin(Tabbed, ReadOnlyAdmin):
    list_display = ("issued_row", "format", "state", "why", "created")
    list_display_links = None
    list_select_related = ("invoice", "credit_note")
    search_fields = ("invoice__number",)
    search_help_text = _("Credit note, invoice, order, customer")
    empty_text = _("The files of invoices and credit notes appear here once there are any.")
    tabs = status_tabs(Document.Status)
    actions = ("issue_again",)

    def search(self, queryset: QuerySet[Any], text: str) -> QuerySet[Any]:
        invoices = invoices_matching(Invoice.objects.all(), text)
        notes = credit_notes_matching(CreditNote.objects.all(), text)
        return queryset.filter(Q(invoice__in=invoices) | Q(credit_note__in=notes))

    def has_view_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return bool(request.user.has_perm("billing.view_invoice"))

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_issue_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("billing.change_invoice"))

    @admin.action(description=_("Issue again"), permissions=["issue"])
    def issue_again(self, request: HttpRequest, queryset: QuerySet[Document]) -> None:
        chosen = list(queryset.values_list("pk", flat=True))
        count = issue_again(chosen)
        enqueue_on_commit(make_documents)
        said = ngettext("%(n)d document is made again.", "%(n)d documents are made again.", count) % {"n": count}
        if left := len(chosen) - count:
            said += " " + gettext("Left as they are, since they are not broken: %(n)d.") % {"n": left}
        self.message_user(request, said)

    def get_urls(self) -> list[Any]:
        view = require_POST(self.admin_site.admin_view(self.issue_again_view))
        return [path("<int:pk>/again/", view, name="billing_document_again"), *super().get_urls()]

    def issue_again_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        if not self.has_issue_permission(request):
            raise PermissionDenied
        document = get_object_or_404(Document.objects.select_related(*self.list_select_related), pk=pk)
        self.issue_again(request, Document.objects.filter(pk=pk))
        return redirect(f"admin:{_page_of(document)}_change", document.of.pk)

    @column(_("document"))
    def issued_row(self, document: Document) -> SafeString:
        return link(_page_of(document), document.of.pk, document.of)

    @column(_("status"))
    def state(self, document: Document) -> SafeString:
        return badge(document.status, document.get_status_display())

    @column(_("reason"))
    def why(self, document: Document) -> SafeString | str:
        if not document.problems:
            return "–"
        problems = ((problem["words"], problem["rule"]) for problem in document.problems)
        return format_html("<ul>{}</ul>", format_html_join("", "<li>{} <small>{}</small></li>", problems))

    @column(_("created"))
    def created(self, document: Document) -> SafeString | str:
        return moment(document.created_at)
