"""Invoices with the link to their order, which billing does not know."""

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse

from billing.admin.invoices import InvoiceAdmin
from billing.models import Invoice


@admin.register(Invoice)
class OrderInvoiceAdmin(InvoiceAdmin):
    def order_url(self, request: HttpRequest, invoice: Invoice) -> str:
        order = getattr(invoice, "order", None)
        if order is None or not request.user.has_perm("ecommerce.view_order"):
            return ""
        return reverse("admin:ecommerce_order_change", args=[order.pk])
