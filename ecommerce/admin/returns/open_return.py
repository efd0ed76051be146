"""The page that opens a return of an order."""

from http import HTTPStatus
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Prefetch
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext as _

from backoffice import database_clock, kept_forms
from customers.actors import actor
from ecommerce.admin.display import status_badge
from ecommerce.admin.returns.forms import OpenReturnForm
from ecommerce.customer_requests.rules import return_objections
from ecommerce.models import Order, OrderItem
from ecommerce.orders.errors import OrderError
from ecommerce.orders.returns import open_return

PERMISSION = "ecommerce.handle_return"


def open_view(admin: Any, request: HttpRequest, order_id: int) -> HttpResponse:
    if not (admin.has_view_permission(request) and request.user.has_perm(PERMISSION)):
        raise PermissionDenied
    items = Prefetch("items", OrderItem.objects.order_by("pk"))
    orders = Order.objects.select_related("customer").prefetch_related(items, "fulfillments")
    order = get_object_or_404(orders, pk=order_id)
    if request.method == "POST":
        return _handle_post(admin, request, OpenReturnForm(order, request.POST), order)
    return _render(admin, request, OpenReturnForm(order, kept_forms.take(request)), order)


def _handle_post(admin: Any, request: HttpRequest, form: OpenReturnForm, order: Order) -> HttpResponse:
    if not form.is_valid():
        return _render(admin, request, form, order)
    try:
        opened = open_return(
            order_id=order.pk, approved=True, by=actor(request), at=database_clock.now(), **form.arguments
        )
    except OrderError as error:
        form.add_error(None, error.message)
        return _render(admin, request, form, order, status=HTTPStatus.CONFLICT)
    messages.success(request, _("Return %(number)s is open: receive what comes back.") % {"number": opened.number})
    return HttpResponseRedirect(reverse("admin:ecommerce_return_change", args=[opened.pk]))


def _render(admin: Any, request: HttpRequest, form: OpenReturnForm, order: Order, *, status: int = 200) -> HttpResponse:
    warnings = [each.message for each in return_objections(order, form.items, at=database_clock.now())]
    context = {
        "title": _("Open a return"),
        "order": order,
        "status": status_badge(order),
        "form": form,
        "warnings": warnings,
    }
    page: HttpResponse = admin.render(request, "open.html", context)
    page.status_code = status
    return page
