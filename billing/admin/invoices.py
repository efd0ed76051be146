"""Invoices: the list, and each one as a page to print."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.db.models import Prefetch, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from backoffice.badges import badge
from backoffice.base_admin import ReadOnlyAdmin
from backoffice.columns import column
from backoffice.ids import parse_id
from backoffice.list_tabs import Tabbed, status_tabs
from backoffice.times import moment
from billing.admin.downloads import Downloadable
from billing.admin.search import invoices_matching
from billing.documents.build import document_of
from billing.documents.rows import sums_of
from billing.models import CreditNote, Invoice, InvoiceLine, InvoiceTax, Payment
from billing.sums import given_back, taxes_given_back
from billing.templatetags.money import money


class InvoiceAdmin(Downloadable, Tabbed, ReadOnlyAdmin):
    """Registered by the app of the orders, which this one knows nothing of: it adds the link to the order."""

    list_display = ("number", "reference", "customer", "total_amount", "refunded", "state", "issued")
    list_select_related = ("customer",)
    search_fields = ("number",)
    empty_text = _("An order's invoice is issued when its payment is collected.")
    search_help_text = _("Invoice, order, customer")
    tabs = status_tabs(Invoice.Status)
    lookups = ("customer__id__exact",)

    def search(self, queryset: QuerySet[Any], text: str) -> QuerySet[Any]:
        return invoices_matching(queryset, text)

    def order_url(self, request: HttpRequest, invoice: Invoice) -> str:
        return ""

    def shop_collects_tax(self) -> bool:
        """Whether an invoice without tax has to say so."""
        return False

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        invoice = self._load(object_id)
        request.current_app = self.admin_site.name
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("Invoice %(number)s") % {"number": invoice.number},
            "original": invoice,
            "invoice": invoice,
            **invoice_context(invoice),
            "downloads": self.downloads(invoice),
            "broken_documents": self.broken(invoice),
            "no_tax": not invoice.taxes.all() and self.shop_collects_tax(),
            "order_url": self.order_url(request, invoice),
            "customer_url": self._customer_url(request, invoice),
        }
        return TemplateResponse(request, "admin/billing/invoice/detail.html", context)

    def _customer_url(self, request: HttpRequest, invoice: Invoice) -> str:
        if not request.user.has_perm("customers.view_customer"):
            return ""
        return reverse("admin:customers_customer_change", args=[invoice.customer_id])

    def _load(self, object_id: str) -> Invoice:
        payments = Prefetch(
            "payments", Payment.objects.select_related("card").prefetch_related("refund_set").order_by("pk")
        )
        lines = Prefetch("lines", InvoiceLine.objects.order_by("pk"))
        taxes = Prefetch("taxes", InvoiceTax.objects.order_by("pk"))
        invoices = Invoice.objects.select_related("customer", "seller").prefetch_related(
            lines, taxes, payments, "documents", "credit_notes__refund__allocations", "credit_notes__refund__fee_rows"
        )
        invoice = invoices.filter(pk=parse_id(object_id) or 0).first()
        if invoice is None:
            raise Http404
        return invoice

    @column(_("total"))
    def total_amount(self, invoice: Invoice) -> SafeString:
        return money(invoice.total, invoice.currency)

    @column(_("refunded"))
    def refunded(self, invoice: Invoice) -> SafeString | str:
        return money(invoice.amount_refunded, invoice.currency) if invoice.amount_refunded else "–"

    @column(_("status"))
    def state(self, invoice: Invoice) -> SafeString:
        return badge(invoice.status, invoice.get_status_display())

    @column(_("issued"))
    def issued(self, invoice: Invoice) -> SafeString | str:
        return moment(invoice.issued_at)


def invoice_context(invoice: Invoice) -> dict[str, Any]:
    """What the sheet says: lines, sums, taxes, and the credit notes with what they give back."""
    document = document_of(invoice)
    return {
        "document": document,
        "discounted": any(line.discount for line in document.lines),
        "taxed": bool(document.taxes),
        "sums": sums_of(document),
        "credited": [_credited(invoice, note) for note in invoice.credit_notes.all() if note.voided_at is None],
    }


def _credited(invoice: Invoice, note: CreditNote) -> dict[str, Any]:
    allocations = note.refund.allocations.all()
    fees = note.refund.fee_rows.all()
    back = given_back(allocations, invoice.lines.all(), fees, shipping_name=invoice.shipping_name)
    return {"note": note, "lines": back, "taxes": taxes_given_back(allocations, invoice.taxes.all(), fees)}
