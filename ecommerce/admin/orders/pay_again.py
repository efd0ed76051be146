"""The page "Pay with another card", for a created order whose payment failed or is open."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from backoffice import database_clock, kept_forms
from backoffice.base_admin import StaffAdmin
from backoffice.content_security import allow_stripe
from backoffice.list_filters import with_list_filters
from billing.money import format_money
from customers.actors import actor
from ecommerce.admin.new_order.choices import card_choices, selected_value
from ecommerce.admin.new_order.forms import PaymentForm
from ecommerce.admin.orders.payment_messages import add_payment_message
from ecommerce.admin.orders.price_changes import price_changes
from ecommerce.models import Order
from ecommerce.orders.errors import OrderError
from ecommerce.orders.pay import pay
from ecommerce.orders.quotes import Quote
from ecommerce.orders.reprice import quote_again
from ecommerce.orders.selectors import allowed_acts

MAX_DIGITS = 16


def pay_again_view(admin: StaffAdmin, request: HttpRequest, order_id: int) -> HttpResponse:
    order = get_object_or_404(Order.objects.select_related("customer", "coupon"), pk=order_id)
    if request.method == "POST":
        return _pay(admin, request, order)
    if "pay" not in allowed_acts(order):
        messages.warning(request, _("Order {number} is not waiting for a payment.").format(number=order.number))
        return redirect(with_list_filters(request, reverse("admin:ecommerce_order_change", args=[order.pk])))
    return _render(admin, request, order, PaymentForm(kept_forms.take(request) or _initial_data()))


def _initial_data() -> QueryDict:
    data = QueryDict(mutable=True)
    data["save_card"] = "on"
    return data


def _pay(admin: StaffAdmin, request: HttpRequest, order: Order) -> HttpResponse:
    form = PaymentForm(request.POST)
    if not form.is_valid():
        return _render(admin, request, order, form)
    try:
        order = pay(
            order_id=order.pk,
            by=actor(request),
            at=database_clock.now(),
            card_id=form.card_id,
            token=form.new_token,
            save_card=form.cleaned_data["save_card"],
            expected_total=_expected_total(request),
        )
    except OrderError as error:
        return _render_error(admin, request, order, form, error)
    add_payment_message(request, order)
    return redirect(with_list_filters(request, reverse("admin:ecommerce_order_change", args=[order.pk])))


def _expected_total(request: HttpRequest) -> int | None:
    # The total that the button named.
    text = request.POST.get("expected_total", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < MAX_DIGITS else None


def _quote(order: Order) -> tuple[Quote | None, str]:
    """What the order costs now; or why it can't be sold any more."""
    try:
        return quote_again(order, at=database_clock.now()), ""
    except OrderError as error:
        return None, error.message


def _render_error(
    admin: StaffAdmin, request: HttpRequest, order: Order, form: PaymentForm, error: OrderError
) -> HttpResponse:
    if error.field in {"source_id", "gateway_token"}:
        form.add_error("token", error.message)
        return _render(admin, request, order, form)
    if error.code == "price_changed":
        form.add_error(None, error.message)
        return _render(admin, request, order, form)
    messages.error(request, error.message)
    return redirect(with_list_filters(request, reverse("admin:ecommerce_order_change", args=[order.pk])))


@allow_stripe
def _render(admin: StaffAdmin, request: HttpRequest, order: Order, form: PaymentForm) -> HttpResponse:
    quote, obstacle = _quote(order)
    total = quote.totals.total if quote else order.total
    choices = card_choices(order.customer, at=database_clock.now())
    context: dict[str, Any] = admin.admin_site.each_context(request) | {
        "title": _("Pay with another card"),
        "subtitle": order.number,
        "opts": admin.opts,
        "order": order,
        "total": total,
        "total_money": format_money(total, order.currency),
        "price_changed": total != order.total,
        "changes": price_changes(order, quote) if quote else [],
        "obstacle": obstacle,
        "payment": form,
        "cards": choices,
        "card": selected_value(choices, str(form.data.get("card", ""))),
        "errors": [("payment", str(sentence)) for sentences in form.errors.values() for sentence in sentences],
        "failed": order.acts.filter(outcome="failed", kind="pay").order_by("requested_at").last(),
        "stripe_js_url": settings.STRIPE_JS_URL,
        "stripe_key": settings.STRIPE_PUBLISHABLE_KEY,
    }
    return TemplateResponse(request, "admin/ecommerce/order/pay.html", context)
