"""Mails about returns, cancellations and withdrawals, written in the transaction of what they are about."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.mail import EmailMessage
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from customers.mail import outbox
from customers.models import Customer, Mail
from ecommerce.models import Order, Return
from ecommerce.models.customer_request import CustomerRequest


def return_approved(order_return: Return) -> None:
    """Tell the customer to send the goods, and with which number."""
    _write("return_approved", order_return.order, order_return=order_return, answer=order_return.answer)


def return_declined(order_return: Return) -> None:
    """Tell the customer why nothing is taken back."""
    _write("return_declined", order_return.order, order_return=order_return, answer=order_return.answer)


def cancellation_approved(request: CustomerRequest) -> None:
    """Tell the customer that the order is canceled."""
    _write("cancellation_approved", request.order, answer=request.answer)


def cancellation_declined(request: CustomerRequest) -> None:
    """Tell the customer why the order stays."""
    _write("cancellation_declined", request.order, answer=request.answer)


def withdrawal_received(request: CustomerRequest, **content: Any) -> None:
    """Acknowledge a withdrawal on a durable medium, as the law wants it: what, and when it arrived."""
    when = time_for(request.order.customer, request.requested_at)
    _write("withdrawal_received", request.order, kind=Mail.Kind.WITHDRAWAL, when=when, **content)


def time_for(customer: Customer, at: datetime) -> str:
    """Write a time in the customer's zone, or in the shop's."""
    zone = (customer.user.time_zone if customer.user else "") or settings.TIME_ZONE
    return f"{timezone.localtime(at, ZoneInfo(zone)):%Y-%m-%d %H:%M:%S %Z}"


def _write(name: str, order: Order, *, kind: Mail.Kind = Mail.Kind.RETURN, **content: Any) -> None:
    customer = order.customer
    context = {
        "order": order,
        "name": customer.name or _("customer"),
        "items": [],
        "order_url": settings.BASE_URL + reverse("shop:order", args=[order.number]) if customer.user_id else "",
        **content,
    }
    if order_return := content.get("order_return"):
        context["items"] = [f"{row.quantity} x {row.item.description}" for row in order_return.items.order_by("pk")]
    subject = " ".join(render_to_string(f"ecommerce/email/{name}_subject.txt", context).split())
    text = render_to_string(f"ecommerce/email/{name}_message.txt", context)
    outbox.write(EmailMessage(subject, text, None, [customer.email]), kind=kind, about=order)
