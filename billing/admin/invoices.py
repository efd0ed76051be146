"""Invoices: the list, and each one as the customer would read it."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Prefetch, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from backoffice.badges import badge
from backoffice.base_admin import ReadOnlyAdmin
from backoffice.columns import column
from backoffice.list_tabs import Tab, Tabbed
from backoffice.times import moment
from billing.admin.search import invoices_matching
from billing.models import Invoice, Payment
from billing.templatetags.money import money
from customers.countries import country_name


def tab_of(choice: Any) -> Tab:
    """Give the tab of a status."""
    return Tab(choice.label, Q(status=choice.value), (("status__exact", choice.value),))


@admin.register(Invoice)
class InvoiceAdmin(Tabbed, ReadOnlyAdmin):
    """Invoices are written by the acts on their orders, and only looked at here."""

    list_display = ("number", "reference", "customer", "total_amount", "refunded", "state", "issued")
    list_select_related = ("customer",)
    search_fields = ("number",)
    empty_words = _("An order's invoice is issued when its payment is collected.")
    search_help_text = _("Invoice, order, customer")
    tabs = (Tab(_("All")), *(tab_of(status) for status in Invoice.Status))

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Search by index."""
        return (invoices_matching(queryset, search_term) if search_term.strip() else queryset), False

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the invoice as a page that can be printed."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        invoice = self._whole(object_id)
        request.current_app = self.admin_site.name
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("Invoice %(number)s") % {"number": invoice.number},
            "original": invoice,
            "invoice": invoice,
            "credited": [note for note in invoice.credit_notes.all() if note.voided_at is None],
            "country": country_name(invoice.bill_to.get("country", "")),
            **links_of(request, invoice),
        }
        return TemplateResponse(request, "billing/invoice.html", context)

    def _whole(self, object_id: str) -> Invoice:
        payments = Prefetch(
            "payments", Payment.objects.select_related("card").prefetch_related("refund_set").order_by("pk")
        )
        notes = ("lines", payments, "credit_notes__refund")
        found = Invoice.objects.select_related("customer").prefetch_related(*notes)
        invoice = found.filter(pk=object_id).first() if object_id.isdecimal() else None
        if invoice is None:
            raise Http404
        return invoice

    @column(_("total"))
    def total_amount(self, invoice: Invoice) -> SafeString:
        """Give the total as people read it."""
        return money(invoice.total, invoice.currency)

    @column(_("refunded"))
    def refunded(self, invoice: Invoice) -> SafeString | str:
        """Give what went back."""
        return money(invoice.amount_refunded, invoice.currency) if invoice.amount_refunded else "–"

    @column(_("status"))
    def state(self, invoice: Invoice) -> SafeString:
        """Show the status."""
        return badge(invoice.status, invoice.get_status_display())

    @column(_("issued"))
    def issued(self, invoice: Invoice) -> SafeString | str:
        """Give when it was issued, with the zone."""
        return moment(invoice.issued_at)


def links_of(request: HttpRequest, invoice: Invoice) -> dict[str, str]:
    """Give the ways to the order and the customer, for who may take them: their pages live above this app."""
    found = {}
    order = getattr(invoice, "order", None)
    if order is not None and request.user.has_perm("ecommerce.view_order"):
        found["order_link"] = reverse("admin:ecommerce_order_change", args=[order.pk])
    if request.user.has_perm("customers.view_customer"):
        found["customer_link"] = reverse("admin:customers_customer_change", args=[invoice.customer_id])
    return found
