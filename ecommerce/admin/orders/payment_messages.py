"""The message after an order was placed or paid: how its payment went."""

from django.contrib import messages
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _

from billing.payments import AUTHENTICATE_WITHIN
from ecommerce.models import Order


def add_payment_message(request: HttpRequest, order: Order) -> None:
    messages.add_message(request, *_payment_message(order))


def _payment_message(order: Order) -> tuple[int, str]:
    if order.was_paid:
        return messages.SUCCESS, _paid_text(order)
    if order.money_state == Order.MoneyState.PAYMENT_FAILED:
        return messages.ERROR, _declined_text(order)
    if order.money_state == Order.MoneyState.AUTHENTICATION_REQUIRED:
        return messages.WARNING, _(
            "Order {number} is created, not paid yet: the customer’s bank asks the customer to confirm the payment, "
            "on the website, within {hours} hours."
        ).format(number=order.number, hours=int(AUTHENTICATE_WITHIN.total_seconds() // 3600))
    if order.money_state == Order.MoneyState.PAYMENT_PROCESSING:
        return messages.WARNING, _(
            "Order {number} is created; its payment of {total} is being confirmed. Reload the page to see how it ended."
        ).format(number=order.number, total=order.total_money)
    return messages.INFO, _("Order {number} is {status}.").format(
        number=order.number, status=order.get_status_display().lower()
    )


def _paid_text(order: Order) -> str:
    if not order.total:
        return _("Order {number} is paid: there was nothing to charge.").format(number=order.number)
    return _("Order {number} is paid: {total} was charged.").format(number=order.number, total=order.total_money)


def _declined_text(order: Order) -> str:
    return format_html(
        '{} <a class="underline font-semibold" href="{}">{}</a>',
        _("Order {number} is created, but its payment failed: {words}").format(
            number=order.number, words=order.acts.latest("requested_at").message
        ),
        reverse("admin:ecommerce_order_pay", args=[order.pk]),
        _("Pay with another card"),
    )
