"""Credit notes: the list, and each one as a page to print."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from backoffice.badges import badge
from backoffice.base_admin import ReadOnlyAdmin
from backoffice.columns import column
from backoffice.ids import parse_id
from backoffice.list_tabs import Tab, Tabbed
from backoffice.times import moment
from billing.admin.downloads import Downloadable
from billing.admin.links import link
from billing.admin.search import credit_notes_matching
from billing.documents.build import document_of
from billing.documents.rows import rows_back
from billing.models import CreditNote
from billing.templatetags.money import money


@admin.register(CreditNote)
class CreditNoteAdmin(Downloadable, Tabbed, ReadOnlyAdmin):
    list_display = ("number", "invoice_link", "customer", "amount_money", "state", "issued")
    list_display_links = ("number",)
    list_select_related = ("invoice__customer",)
    search_fields = ("number",)
    empty_text = _("A credit note is issued when Stripe has accepted a refund.")
    search_help_text = _("Credit note, invoice, order, customer")
    tabs = (
        Tab(_("All")),
        Tab(_("Issued"), Q(voided_at=None), (("voided_at__isnull", "True"),)),
        Tab(_("Void"), Q(voided_at__isnull=False), (("voided_at__isnull", "False"),)),
    )

    def search(self, queryset: QuerySet[Any], text: str) -> QuerySet[Any]:
        return credit_notes_matching(queryset, text)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        related = ("invoice__customer", "invoice__seller", "refund", "seller")
        note = CreditNote.objects.select_related(*related).filter(pk=parse_id(object_id) or 0).first()
        if note is None:
            raise Http404
        request.current_app = self.admin_site.name
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("Credit note %(number)s") % {"number": note.number},
            "original": note,
            **credit_note_context(note),
            "downloads": self.downloads(note),
            "broken_documents": self.broken(note),
        }
        return TemplateResponse(request, "admin/billing/creditnote/detail.html", context)

    @column(_("invoice"))
    def invoice_link(self, note: CreditNote) -> SafeString:
        return link("billing_invoice", note.invoice_id, note.invoice)

    @column(_("customer"))
    def customer(self, note: CreditNote) -> str:
        return str(note.invoice.customer.name or note.invoice.customer.email)

    @column(_("amount"))
    def amount_money(self, note: CreditNote) -> SafeString:
        return money(note.amount, note.currency)

    @column(_("status"))
    def state(self, note: CreditNote) -> SafeString:
        return badge("void", _("Void")) if note.voided_at else badge("done", _("Issued"))

    @column(_("issued"))
    def issued(self, note: CreditNote) -> SafeString | str:
        return moment(note.issued_at)


def credit_note_context(note: CreditNote) -> dict[str, Any]:
    """Lines, taxes and addresses of a credit note."""
    document = document_of(note)
    return {
        "note": note,
        "invoice": note.invoice,
        "document": document,
        "lines": rows_back(document),
    }
