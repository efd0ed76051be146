"""Invoices with what billing does not know: the link to their order, taxes, and the download of many at once."""

from collections.abc import Mapping
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from billing.admin.invoices import InvoiceAdmin
from billing.models import Invoice
from ecommerce.admin.bulk_jobs.banner import banner_context
from ecommerce.admin.bulk_jobs.confirmation import handle_mass_action, is_select_across, ticked_ids
from ecommerce.admin.bulk_jobs.mass_actions import DOWNLOAD_INVOICES
from ecommerce.bulk_jobs.permissions import has_permission
from ecommerce.models import BulkJob, Order, TaxRate


@admin.register(Invoice)
class OrderInvoiceAdmin(InvoiceAdmin):
    actions = (DOWNLOAD_INVOICES,)
    list_before_template = "admin/ecommerce/invoice/list_before.html"

    class Media:
        css = {"all": ("ecommerce/orders.css",)}  # of the banner

    def order_url(self, request: HttpRequest, invoice: Invoice) -> str:
        order = getattr(invoice, "order", None)
        if order is None or not request.user.has_perm("ecommerce.view_order"):
            return ""
        return reverse("admin:ecommerce_order_change", args=[order.pk])

    def shop_collects_tax(self) -> bool:
        return TaxRate.objects.exists()

    def has_download_permission(self, request: HttpRequest) -> bool:
        return has_permission(request.user, BulkJob.Action.INVOICES)

    @admin.action(description=gettext_lazy("Download"), permissions=["download"])
    def download_invoices(self, request: HttpRequest, invoices: QuerySet[Invoice]) -> None:
        """Stand in the list of actions: `changelist_view` handles it, by the keys of the ticked rows alone."""

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        if request.method == "POST" and request.POST.get("action") == DOWNLOAD_INVOICES:
            return self._download_many(request)
        return super().changelist_view(request, {**banner_context(request), **(extra_context or {})})

    def _download_many(self, request: HttpRequest) -> HttpResponse:
        if not self.has_view_permission(request) or not self.has_download_permission(request):
            raise PermissionDenied
        back = redirect(request.get_full_path())
        if is_select_across(request):
            invoices = self.get_changelist_instance(request).get_queryset(request)
            orders = Order.objects.filter(invoice__in=invoices.order_by().values("pk"))
        elif ids := ticked_ids(request):
            orders = Order.objects.filter(invoice__in=ids)
        else:
            messages.warning(request, _("Tick the invoices to download first."))
            return back
        return handle_mass_action(self, request, BulkJob.Action.INVOICES, orders, _selection(request)) or back

    def render(self, request: HttpRequest, template: str, context: dict[str, Any]) -> TemplateResponse:
        request.current_app = self.admin_site.name
        base = {**self.admin_site.each_context(request), "opts": self.opts}
        return TemplateResponse(request, f"admin/ecommerce/order/{template}", {**base, **context})


def _selection(request: HttpRequest) -> Mapping[str, str]:
    """Say which invoices, with the query string of the list."""
    query = request.GET.urlencode()
    if is_select_across(request):
        words = _("All invoices that matched: %(query)s") % {"query": query} if query else _("All invoices")
        return {"words": words, "query": query}
    count = len(ticked_ids(request))
    words = ngettext("%(count)s ticked invoice", "%(count)s ticked invoices", count) % {"count": f"{count:,}"}
    return {"words": words, "query": query}
