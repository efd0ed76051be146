"""The page that asks whether a person is to be erased, and says what goes, what stays, and what must end first."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from backoffice import database_clock
from customers.actors import actor
from customers.models import Customer
from ecommerce.erasure.request import CanNotErase, reasons_against, request_erasure
from ecommerce.models import Order
from ecommerce.tasks import enqueue_erasure


def erase_view(admin: Any, request: HttpRequest, pk: int) -> HttpResponse:
    if not request.user.has_perm("customers.erase_customer"):
        raise PermissionDenied
    customer = get_object_or_404(Customer, pk=pk)
    page = reverse("admin:customers_customer_change", args=[pk])
    if customer.erased_at:
        return HttpResponseRedirect(page)
    if request.method != "POST":
        return _ask(admin, request, customer, reasons_against(customer))
    try:
        erasure = request_erasure(customer=customer, by=actor(request), at=database_clock.now())
    except CanNotErase as error:
        return _ask(admin, request, customer, error.reasons)
    enqueue_erasure(erasure)
    messages.success(request, _("The account is shut. The person is being erased; this page says when it is done."))
    return HttpResponseRedirect(page)


def _ask(admin: Any, request: HttpRequest, customer: Customer, reasons: list[str]) -> HttpResponse:
    context = {
        **admin.admin_site.each_context(request),
        "opts": admin.opts,
        "title": _("Erase %(customer)s") % {"customer": customer},
        "customer": customer,
        "reasons": reasons,
        "orders": Order.objects.filter(customer=customer).count(),
    }
    return TemplateResponse(request, "admin/ecommerce/customer/erase.html", context)
