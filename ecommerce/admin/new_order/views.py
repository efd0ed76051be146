"""The views of the New order page: the form, its live quote, the autocompletes, and placing the order."""

import functools
from collections.abc import Callable
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, JsonResponse, QueryDict
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext as _

from backoffice import database_clock, kept_forms
from backoffice.base_admin import StaffAdmin
from backoffice.content_security import allow_stripe
from customers.actors import actor
from customers.models import Customer
from ecommerce.admin.new_order.new_order_form import NewOrderForm, apply_buttons
from ecommerce.admin.orders.pay_again import pay_again_view
from ecommerce.admin.orders.payment_messages import add_payment_message
from ecommerce.models import Order, Sku
from ecommerce.orders.errors import OrderError
from ecommerce.orders.place import find_placed_order, place

MAX_SUGGESTIONS = 20
MAX_TEXT_LENGTH = 200


def urls(admin: StaffAdmin) -> list[URLPattern]:

    def wrap(view: Callable[..., HttpResponse]) -> Any:
        @functools.wraps(view)
        def checked_view(request: HttpRequest, **kwargs: Any) -> HttpResponse:
            check_permission(admin, request)
            return view(admin, request, **kwargs)

        return admin.admin_site.admin_view(checked_view)

    return [
        path("add/quote/", wrap(quote_view), name="ecommerce_order_quote"),
        path("add/customers/", wrap(customer_autocomplete), name="ecommerce_order_customers"),
        path("add/skus/", wrap(sku_autocomplete), name="ecommerce_order_skus"),
        path("<int:order_id>/pay/", wrap(pay_again_view), name="ecommerce_order_pay"),
    ]


def check_permission(admin: StaffAdmin, request: HttpRequest) -> None:
    if not admin.has_add_permission(request):
        raise PermissionDenied


def new_order_view(admin: StaffAdmin, request: HttpRequest) -> HttpResponse:
    check_permission(admin, request)
    kept = kept_forms.take(request)
    if kept is not None:
        return _render(admin, request, NewOrderForm(apply_buttons(kept), by=actor(request), at=database_clock.now()))
    if request.method != "POST":
        form = NewOrderForm(_initial_data(request), by=actor(request), at=database_clock.now())
        return _render(admin, request, form, find_placed_order(key=form.key, by=actor(request)))
    form = NewOrderForm(
        apply_buttons(request.POST), by=actor(request), at=database_clock.now(), submitted="_submit" in request.POST
    )
    return _place_order(admin, request, form) if form.submitted else _render(admin, request, form)


def quote_view(_admin: StaffAdmin, request: HttpRequest) -> HttpResponse:
    """Render the form alone; a script takes prices, addresses and cards out of it."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    form = NewOrderForm(apply_buttons(request.POST), by=actor(request), at=database_clock.now())
    return TemplateResponse(request, "admin/ecommerce/order/new/form.html", _context(form))


def customer_autocomplete(_admin: StaffAdmin, request: HttpRequest) -> JsonResponse:
    text = _search_text(request)
    found = (Customer.objects.matching(text) if text else Customer.objects.all()).order_by("-pk")[:MAX_SUGGESTIONS]
    return JsonResponse({"results": [{"id": each.pk, "label": str(each), "detail": each.phone} for each in found]})


def sku_autocomplete(_admin: StaffAdmin, request: HttpRequest) -> JsonResponse:
    found = Sku.objects.select_related("product").on_sale().matching(_search_text(request))
    listed = found.order_by("product__name", "code")[:MAX_SUGGESTIONS]
    return JsonResponse(
        {
            "results": [
                {"id": each.pk, "label": str(each), "detail": f"{each.price_money}, {each.availability}"}
                for each in listed
            ]
        }
    )


def _search_text(request: HttpRequest) -> str:
    return request.GET.get("q", "").replace("\0", "").strip()[:MAX_TEXT_LENGTH]


def _initial_data(request: HttpRequest) -> QueryDict:
    # The key is kept in the page's URL, so that going back finds the order that was placed.
    data = QueryDict(mutable=True)
    data["customer_id"], data["key"] = request.GET.get("customer", ""), request.GET.get("key", "")
    data["save_card"] = "on"
    return apply_buttons(data)


def _place_order(admin: StaffAdmin, request: HttpRequest, form: NewOrderForm) -> HttpResponse:
    if form.errors:
        return _render(admin, request, form)
    try:
        order = place(new_order=form.new_order(), by=actor(request), at=form.at)
    except OrderError as error:
        return _render_error(admin, request, form, error)
    add_payment_message(request, order)
    return redirect("admin:ecommerce_order_change", order.pk)


def _render_error(admin: StaffAdmin, request: HttpRequest, form: NewOrderForm, error: OrderError) -> HttpResponse:
    # Something has changed since the form was quoted.
    form = NewOrderForm(form.data, by=actor(request), at=database_clock.now(), submitted=True)
    form.add_order_error(error)
    placed = find_placed_order(key=form.key, by=actor(request))
    if placed:
        # Submitted again with other contents: a second order needs a key of its own.
        form.key = str(uuid4())
    return _render(admin, request, form, placed)


@allow_stripe
def _render(
    admin: StaffAdmin, request: HttpRequest, form: NewOrderForm, placed: Order | None = None
) -> TemplateResponse:
    context = admin.admin_site.each_context(request) | {
        "title": _("New order"),
        "opts": admin.opts,
        "placed_order": placed,
    }
    return TemplateResponse(request, "admin/ecommerce/order/new/page.html", context | _context(form))


def _context(form: NewOrderForm) -> dict[str, Any]:
    return {"order_form": form, "stripe_js_url": settings.STRIPE_JS_URL, "stripe_key": settings.STRIPE_PUBLISHABLE_KEY}
