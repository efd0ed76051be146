"""Invoices with what billing does not know: the link to their order, and whether the shop collects tax."""

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse

from billing.admin.invoices import InvoiceAdmin
from billing.models import Invoice
from ecommerce.models import TaxRate


@admin.register(Invoice)
class OrderInvoiceAdmin(InvoiceAdmin):
    def order_url(self, request: HttpRequest, invoice: Invoice) -> str:
        order = getattr(invoice, "order", None)
        if order is None or not request.user.has_perm("ecommerce.view_order"):
            return ""
        return reverse("admin:ecommerce_order_change", args=[order.pk])

    def shop_collects_tax(self) -> bool:
        return TaxRate.objects.exists()
