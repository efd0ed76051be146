"""The page of one order: what it holds, what it cost, what became of its money, and what happened to it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.contrib import admin
from django.db.models import Model, Prefetch
from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backoffice.badges import tone
from billing.models import Payment, Refund
from billing.money import format_money
from customers.countries import country_name
from ecommerce.admin.display import Badge, money_badge, status_badge, when
from ecommerce.admin.orders.actions import offers
from ecommerce.admin.orders.timeline import timeline
from ecommerce.models import Order

ADVICE: Mapping[str, str | Promise] = {
    "payment_failed": gettext_lazy("Nothing was charged. Pay with another card, or cancel the order."),
    "payment_processing": gettext_lazy("Stripe has not said yet whether the charge went through; it is asked again."),
    "authentication_required": gettext_lazy(
        "The bank wants the customer to confirm the charge, which they can do in the shop. Or charge another card."
    ),
    "refund_in_progress": gettext_lazy("Stripe has not answered yet. The order changes once it has said yes."),
    "refund_pending": gettext_lazy("Stripe has accepted the refund; it has not reached the customer yet."),
    "refund_failed": gettext_lazy("The money did not reach the customer. Try again, or settle it outside Stripe."),
    "disputed": gettext_lazy("The customer disputes the charge at the bank. Answer that in Stripe."),
}
SOON = frozenset({Order.MoneyState.PAYMENT_PROCESSING, Order.MoneyState.REFUND_IN_PROGRESS})


@dataclass(frozen=True, slots=True)
class MoneyRow:
    """A payment or a refund: what, how much, how it stands, and why where it failed."""

    kind: str
    amount: str
    status: Badge
    stripe_id: str
    detail: str
    when: str
    url: str


def order_with_all(pk: int) -> Order | None:
    """Load an order with what its page shows beside items and history."""
    refunds = Prefetch("refund_set", Refund.objects.order_by("pk"))
    payments = Payment.objects.select_related("card").prefetch_related(refunds).order_by("pk")
    related = ("customer", "coupon", "invoice", "fulfillment")
    loaded = Order.objects.select_related(*related).prefetch_related(Prefetch("invoice__payments", payments))
    return loaded.filter(pk=pk).first()


def page_context(request: HttpRequest, order: Order) -> dict[str, Any]:
    """Give what the page's template shows."""
    payments = list(order.invoice.payments.all()) if order.invoice else []
    return {
        "title": _("Order %(number)s") % {"number": order.number},
        "original": order,
        "order": order,
        "status": status_badge(order),
        "money": money_badge(order),
        "total": format_money(order.total, order.currency),
        "offers": offers(order, request.user),
        "advice": ADVICE.get(order.money_state, ""),
        "waiting": order.money_state in SOON,
        "declined": payments[-1].failure_message if payments and order.money_state == "payment_failed" else "",
        "items": items(order),
        "sums": sums(order),
        "money_rows": [row for payment in payments for row in money_rows(request, payment)],
        "facts": facts(order),
        "customer_url": url_of(request, order.customer),
        "invoice_url": url_of(request, order.invoice) if order.invoice else "",
        "card": next((payment.card for payment in reversed(payments) if payment.card), None),
        "address": _address(order),
        "timeline": timeline(order),
    }


def items(order: Order) -> list[tuple[str, str, int, str, str]]:
    """Give each item: what, its code, how many, its price, its amount."""
    return [
        (
            item.description,
            item.sku_code,
            item.quantity,
            format_money(item.unit_price, order.currency),
            format_money(item.amount, order.currency),
        )
        for item in order.items.order_by("pk")
    ]


def sums(order: Order) -> list[tuple[str, str]]:
    """Give the lines from subtotal to total, and what was refunded."""
    coupon = f" ({order.coupon.code})" if order.coupon else ""
    lines = [
        (_("Subtotal"), order.subtotal),
        (_("Discount") + coupon, -order.discount),
        (_("Shipping"), order.shipping),
        (_("Tax"), order.tax),
        (_("Total"), order.total),
    ]
    if order.amount_refunded:
        lines.append((_("Refunded"), -order.amount_refunded))
    return [(label, format_money(amount, order.currency)) for label, amount in lines]


def money_rows(request: HttpRequest, payment: Payment) -> list[MoneyRow]:
    """Show a payment and its refunds."""
    rows = [_money_row(request, payment, str(_("Charge")), _failure(payment), payment.stripe_payment_intent_id)]
    for refund in payment.refund_set.all():
        kind = _("Refund outside Stripe") if refund.settled_outside else _("Refund")
        told = [refund.reason, refund.note, _failure(refund)]
        rows.append(_money_row(request, refund, kind, " · ".join(filter(None, told)), refund.stripe_refund_id))
    return rows


def _money_row(request: HttpRequest, wish: Payment | Refund, kind: str, detail: str, stripe_id: str | None) -> MoneyRow:
    badge = Badge(wish.get_status_display(), tone(wish.status))
    amount = format_money(wish.amount, wish.currency)
    return MoneyRow(kind, amount, badge, stripe_id or "", detail, when(wish.requested_at), url_of(request, wish))


def _failure(wish: Payment | Refund) -> str:
    decline = getattr(wish, "decline_code", "") or wish.failure_code
    coded = f"{wish.failure_message} ({decline})" if wish.failure_message and decline else wish.failure_message
    return " · ".join(filter(None, [coded, wish.attention]))


def facts(order: Order) -> list[tuple[str | Promise, str]]:
    """Give the plain facts: when it came to be what it is, and how it was placed and sent."""
    times = [
        (_("Created"), order.created_at),
        (_("Paid"), order.paid_at),
        (_("Fulfilled"), order.fulfilled_at),
        (_("Canceled"), order.canceled_at),
        (_("Returned"), order.returned_at),
    ]
    known = [(label, when(at)) for label, at in times if at]
    sent = getattr(order, "fulfillment", None)
    shipped = [(_("Sent with"), f"{sent.carrier} {sent.tracking_number}".strip())] if sent else []
    return [
        (_("Placed via"), order.get_placed_via_display()),
        *known,
        *((name, text) for name, text in shipped if text),
    ]


def _address(order: Order) -> list[str]:
    frozen = order.shipping_address or {}
    town = " ".join(filter(None, [frozen.get("postal_code"), frozen.get("city"), frozen.get("state")]))
    country = country_name(frozen.get("country", ""))
    lines = [frozen.get("name"), frozen.get("line1"), frozen.get("line2"), town, country]
    return [line for line in lines if line]


def url_of(request: HttpRequest, row: Model) -> str:
    """Give the address of a row's page, or none where it has no page or this person may not open it."""
    pages = admin.site.get_model_admin(type(row)) if admin.site.is_registered(type(row)) else None
    if pages is None or not pages.has_view_or_change_permission(request):
        return ""
    return reverse(f"admin:{pages.opts.app_label}_{pages.opts.model_name}_change", args=[row.pk])
