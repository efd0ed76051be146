"""The New order page: who, what, where to, how it is paid; priced by the code that charges, charged once."""

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
from django.utils import timezone
from django.utils.translation import gettext as _

from backoffice.base_admin import StaffAdmin, actor
from customers.models import Customer
from ecommerce.admin.new_order.draft import Draft, edited
from ecommerce.admin.orders import pay_again
from ecommerce.admin.orders.payment_messages import tell
from ecommerce.models import Order, Sku
from ecommerce.orders.errors import OrderError
from ecommerce.orders.place import find_placed_order, place

LISTED = 20
LONGEST = 200


def urls(admin: StaffAdmin) -> list[URLPattern]:
    """Give the addresses beside the ModelAdmin's own; they go before those."""

    def here(view: Callable[..., HttpResponse]) -> Any:
        @functools.wraps(view)
        def for_those_who_may(request: HttpRequest, **kwargs: Any) -> HttpResponse:
            check_permission(admin, request)
            return view(admin, request, **kwargs)

        return admin.admin_site.admin_view(for_those_who_may)

    return [
        path("add/quote/", here(refreshed), name="ecommerce_order_quote"),
        path("add/customers/", here(customers), name="ecommerce_order_customers"),
        path("add/skus/", here(skus), name="ecommerce_order_skus"),
        path("<int:order_id>/pay/", here(pay_again.page), name="ecommerce_order_pay"),
    ]


def check_permission(admin: StaffAdmin, request: HttpRequest) -> None:
    """Refuse whoever may not make orders."""
    if not admin.has_add_permission(request):
        raise PermissionDenied


def page(admin: StaffAdmin, request: HttpRequest) -> HttpResponse:
    """Show the form, show it again with what a button changed, or place the order."""
    check_permission(admin, request)
    if request.method != "POST":
        draft = Draft(_blank(request), at=timezone.now())
        return _shown(admin, request, draft, find_placed_order(key=draft.key, by=actor(request)))
    draft = Draft(edited(request.POST), at=timezone.now(), strict="_submit" in request.POST)
    return _submitted(admin, request, draft) if draft.strict else _shown(admin, request, draft)


def refreshed(_admin: StaffAdmin, request: HttpRequest) -> HttpResponse:
    """Give the form alone, for the script that takes prices, addresses and cards out of it."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    draft = Draft(edited(request.POST), at=timezone.now())
    return TemplateResponse(request, "admin/ecommerce/new_order/form.html", _context(draft))


def customers(_admin: StaffAdmin, request: HttpRequest) -> JsonResponse:
    """Give the customers that a few letters may mean; without any, the newest."""
    text = _typed(request)
    found = (Customer.objects.matching(text) if text else Customer.objects.all()).order_by("-pk")[:LISTED]
    return JsonResponse({"results": [{"id": each.pk, "label": str(each), "detail": each.phone} for each in found]})


def skus(_admin: StaffAdmin, request: HttpRequest) -> JsonResponse:
    """Give the SKUs on sale that a few letters may mean."""
    found = Sku.objects.select_related("product").on_sale().matching(_typed(request))
    listed = found.order_by("product__name", "code")[:LISTED]
    return JsonResponse(
        {
            "results": [
                {"id": each.pk, "label": str(each), "detail": f"{each.price_money}, {each.availability}"}
                for each in listed
            ]
        }
    )


def _typed(request: HttpRequest) -> str:
    return request.GET.get("q", "").replace("\0", "").strip()[:LONGEST]


def _blank(request: HttpRequest) -> QueryDict:
    """Give an empty form: its key stays with the page's address, so that going back finds the same order again."""
    data = QueryDict(mutable=True)
    data["customer_id"], data["key"] = request.GET.get("customer", ""), request.GET.get("key", "")
    data["save_card"] = "on"
    return edited(data)


def _submitted(admin: StaffAdmin, request: HttpRequest, draft: Draft) -> HttpResponse:
    if draft.errors:
        return _shown(admin, request, draft)
    try:
        order = place(new_order=draft.order(), by=actor(request), at=draft.at)
    except OrderError as refusal:
        return _refused(admin, request, draft, refusal)
    tell(request, order)
    return redirect("admin:ecommerce_order_change", order.pk)


def _refused(admin: StaffAdmin, request: HttpRequest, draft: Draft, refusal: OrderError) -> HttpResponse:
    # Something has changed since it was priced a moment ago.
    anew = Draft(draft.data, at=timezone.now(), strict=True)
    anew.refuse(refusal)
    made = find_placed_order(key=anew.key, by=actor(request))
    if made:
        # Sent again with other contents: whoever really wants a second order now submits it under a key of its own.
        anew.key = str(uuid4())
    return _shown(admin, request, anew, made)


def _shown(admin: StaffAdmin, request: HttpRequest, draft: Draft, made: Order | None = None) -> TemplateResponse:
    context = admin.admin_site.each_context(request) | {"title": _("New order"), "opts": admin.opts, "made": made}
    return TemplateResponse(request, "admin/ecommerce/new_order/page.html", context | _context(draft))


def _context(draft: Draft) -> dict[str, Any]:
    return {"draft": draft, "stripe_js_url": settings.STRIPE_JS_URL, "stripe_key": settings.STRIPE_PUBLISHABLE_KEY}
