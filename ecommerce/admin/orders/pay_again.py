"""The page "Pay with another card": for an order that is created and whose payment failed or is open."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext as _

from backoffice.base_admin import StaffAdmin
from customers.actors import actor
from ecommerce.admin.new_order.choices import cards, checked
from ecommerce.admin.new_order.forms import PaymentForm
from ecommerce.admin.orders.payment_messages import tell
from ecommerce.models import Order
from ecommerce.orders.errors import OrderError
from ecommerce.orders.pay import pay
from ecommerce.orders.selectors import allowed_acts


def page(admin: StaffAdmin, request: HttpRequest, order_id: int) -> HttpResponse:
    """Ask for a card, and charge the order to it."""
    order = get_object_or_404(Order.objects.select_related("customer"), pk=order_id)
    if request.method == "POST":
        return _submitted(admin, request, order)
    if "pay" not in allowed_acts(order):
        messages.warning(request, _("Order {number} is not waiting for a payment.").format(number=order.number))
        return redirect("admin:ecommerce_order_change", order.pk)
    return _shown(admin, request, order, PaymentForm(_blank()))


def _blank() -> QueryDict:
    data = QueryDict(mutable=True)
    data["save_card"] = "on"
    return data


def _submitted(admin: StaffAdmin, request: HttpRequest, order: Order) -> HttpResponse:
    form = PaymentForm(request.POST)
    if not form.is_valid():
        return _shown(admin, request, order, form)
    try:
        paid = pay(
            order_id=order.pk,
            by=actor(request),
            at=timezone.now(),
            card_id=form.card_id,
            token=form.new_token,
            save_card=form.cleaned_data["save_card"],
        )
    except OrderError as refusal:
        return _refused(admin, request, order, form, refusal)
    tell(request, paid)
    return redirect("admin:ecommerce_order_change", order.pk)


def _refused(
    admin: StaffAdmin, request: HttpRequest, order: Order, form: PaymentForm, refusal: OrderError
) -> HttpResponse:
    if refusal.field in {"source_id", "gateway_token"}:
        form.add_error("token", refusal.message)
        return _shown(admin, request, order, form)
    messages.error(request, refusal.message)
    return redirect("admin:ecommerce_order_change", order.pk)


def _shown(admin: StaffAdmin, request: HttpRequest, order: Order, form: PaymentForm) -> HttpResponse:
    choices = cards(order.customer, at=timezone.now())
    context: dict[str, Any] = admin.admin_site.each_context(request) | {
        "title": _("Pay with another card"),
        "subtitle": order.number,
        "opts": admin.opts,
        "order": order,
        "payment": form,
        "cards": choices,
        "card": checked(choices, str(form.data.get("card", ""))),
        "errors": [("payment", str(sentence)) for sentences in form.errors.values() for sentence in sentences],
        "failed": order.acts.filter(outcome="failed", kind="pay").order_by("requested_at").last(),
        "stripe_js_url": settings.STRIPE_JS_URL,
        "stripe_key": settings.STRIPE_PUBLISHABLE_KEY,
    }
    return TemplateResponse(request, "admin/ecommerce/new_order/pay.html", context)
