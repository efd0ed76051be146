"""The template context of the order page: items, totals, payments and refunds, facts, timeline."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.contrib import admin
from django.db.models import Model, Prefetch
from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backoffice.badges import tone
from billing.declines import fraud_signal
from billing.models import Payment, Refund
from billing.money import format_money
from customers.postal_addresses import address_lines, address_warnings
from ecommerce.admin.display import Badge, format_time, fulfillment_badge, money_state_badge, status_badge
from ecommerce.admin.orders.actions import action_links
from ecommerce.admin.orders.mails import mail_rows, mails_of
from ecommerce.admin.orders.money import OrderMoney, with_money
from ecommerce.admin.orders.parcels import parcel_context
from ecommerce.admin.orders.payment_link import payment_link_context
from ecommerce.admin.orders.returns import requests_link, returns_of
from ecommerce.admin.orders.side_panel import NOTES, TAGS, side_context
from ecommerce.admin.orders.timeline import timeline
from ecommerce.models import Order
from ecommerce.orders.printing import changes_since

ADVICE: Mapping[str, str | Promise] = {
    "payment_failed": gettext_lazy(
        "Nothing was charged. Pay with another card, give the customer a payment link, or cancel the order."
    ),
    "payment_processing": gettext_lazy("Stripe has not said yet whether the charge went through; it is asked again."),
    "authentication_required": gettext_lazy(
        "The bank wants the customer to confirm the charge, in the shop or by a payment link. Or charge another card."
    ),
    "refund_in_progress": gettext_lazy("Stripe has not answered yet. The order changes once it has said yes."),
    "refund_pending": gettext_lazy("Stripe has accepted the refund; it has not reached the customer yet."),
    "refund_failed": gettext_lazy("The money did not reach the customer. Try again, or settle it outside Stripe."),
    "disputed": gettext_lazy("The customer disputes the charge at the bank. Answer that in Stripe."),
}
IN_PROGRESS = frozenset({Order.MoneyState.PAYMENT_PROCESSING, Order.MoneyState.REFUND_IN_PROGRESS})


@dataclass(frozen=True, slots=True)
class OperationRow:
    """A payment or a refund, which says what it gives back."""

    kind: str
    amount: str
    status: Badge
    stripe_id: str
    detail: str
    when: str
    url: str
    gives_back: Sequence[str] = ()


def load_order(pk: int) -> Order | None:
    refunds = Prefetch("refund_set", Refund.objects.order_by("pk"))
    payments = Payment.objects.select_related("card").prefetch_related(refunds).order_by("pk")
    related = ("customer", "coupon", "invoice", "printout", "assignee")
    sided = Order.objects.select_related(*related).annotate(tag_rows=TAGS, note_rows=NOTES, mail_rows=mail_rows())
    loaded = with_money(sided).prefetch_related(Prefetch("invoice__payments", payments))
    return loaded.filter(pk=pk).first()


def order_context(request: HttpRequest, order: Any) -> dict[str, Any]:
    payments = list(order.invoice.payments.all()) if order.invoice else []
    money, mails = OrderMoney(order), mails_of(request, order)
    return {
        "title": _("Order %(number)s") % {"number": order.number},
        "original": order,
        "order": order,
        "status": status_badge(order),
        "money": money_state_badge(order),
        "total": format_money(order.total, order.currency),
        "action_links": action_links(order, request.user),
        "advice": ADVICE.get(order.money_state, ""),
        "waiting": order.money_state in IN_PROGRESS,
        "declined": payments[-1].failure_message if payments and order.money_state == "payment_failed" else "",
        "fulfillment": fulfillment_badge(order),
        **money.context(),
        **parcel_context(order, money.items, money.parcels, request.user),
        "operations": [row for payment in payments for row in _operation_rows(request, money, payment)],
        "facts": _facts(order),
        "slip_changes": changes_since([order]).get(order.pk, "") if order.status != Order.Status.FULFILLED else "",
        "customer_url": change_url(request, order.customer),
        "invoice_url": change_url(request, order.invoice) if order.invoice else "",
        "card": _card(order, payments),
        "address": _address(order),
        "returns": returns_of(order),
        "requests_link": requests_link(order),
        "mails": mails,
        "timeline": timeline(
            order,
            {note["id"]: note["text"] for note in order.note_rows},
            {mail.pk: mail.subject for mail in mails},
        ),
        "hold": _hold(order),
        **side_context(request, order),
        **payment_link_context(order, request.user),
    }


def _hold(order: Order) -> str:
    if not order.on_hold:
        return ""
    why = order.hold_reason
    if order.hold_until is None:
        return why
    return _("%(why)s (until %(when)s)") % {"why": why, "when": format_time(order.hold_until)}


def _card(order: Order, payments: Sequence[Payment]) -> str:
    if not payments:
        return _("No card: the total is zero.") if order.was_paid else _("No card was charged yet.")
    latest = payments[-1]
    if latest.status == Payment.Status.FAILED:
        return _("%(card)s was declined") % {"card": latest.card or _("A new card, which was not saved,")}
    return str(latest.card or _("A new card, which Stripe has not named yet"))


def _operation_rows(request: HttpRequest, money: OrderMoney, payment: Payment) -> list[OperationRow]:
    detail = " · ".join(filter(None, [_failure(payment), _review(payment)]))
    rows = [_operation_row(request, payment, str(_("Charge")), detail, payment.stripe_payment_intent_id)]
    for refund in payment.refund_set.all():
        kind = _("Refund outside Stripe") if refund.settled_outside else _("Refund")
        details = [refund.reason, refund.note, _failure(refund)]
        row = _operation_row(request, refund, kind, " · ".join(filter(None, details)), refund.stripe_refund_id)
        rows.append(replace(row, gives_back=money.gives_back(refund)))
    return rows


def _review(payment: Payment) -> str:
    values = {"why": payment.review_reason.replace("_", " "), "id": payment.stripe_review_id}
    if payment.review == Payment.Review.OPEN:
        return _("Under review by Stripe Radar (%(why)s, %(id)s)") % values
    return _("Reviewed by Stripe Radar: %(why)s (%(id)s)") % values if payment.review else ""


def _operation_row(
    request: HttpRequest, operation: Payment | Refund, kind: str, detail: str, stripe_id: str | None
) -> OperationRow:
    badge = Badge(operation.get_status_display(), tone(operation.status))
    amount = format_money(operation.amount, operation.currency)
    return OperationRow(
        kind,
        amount,
        badge,
        stripe_id or "",
        detail,
        format_time(operation.requested_at),
        change_url(request, operation),
    )


def _failure(operation: Payment | Refund) -> str:
    decline = getattr(operation, "decline_code", "") or operation.failure_code
    coded = (
        f"{operation.failure_message} ({decline})"
        if operation.failure_message and decline
        else operation.failure_message
    )
    return " · ".join(filter(None, [coded, fraud_signal(decline), operation.attention]))


def _facts(order: Order) -> list[tuple[str | Promise, str]]:
    times = [
        (_("Created"), order.created_at),
        (_("Paid"), order.paid_at),
        (_("Fulfilled"), order.fulfilled_at),
        (_("Canceled"), order.canceled_at),
        (_("Returned"), order.returned_at),
    ]
    happened = [(label, format_time(at)) for label, at in times if at]
    if order.printout:
        values = {"when": format_time(order.printout.at), "who": order.printout.by_label}
        happened.append((_("Slip printed"), _("%(when)s by %(who)s") % values))
    return [(_("Placed via"), order.get_placed_via_display()), *happened]


def _address(order: Order) -> dict[str, Any] | None:
    address = order.shipping_address
    if not address:
        return None
    instructions = address.get("delivery_instructions", "")
    return {"lines": address_lines(address), "instructions": instructions, "warnings": address_warnings(address)}


def change_url(request: HttpRequest, obj: Model) -> str:
    """Return "" where the object has no page or the user may not open it."""
    model_admin = admin.site.get_model_admin(type(obj)) if admin.site.is_registered(type(obj)) else None
    if model_admin is None or not model_admin.has_view_or_change_permission(request):
        return ""
    return reverse(f"admin:{model_admin.opts.app_label}_{model_admin.opts.model_name}_change", args=[obj.pk])
