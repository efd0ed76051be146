"""Mails of a kind as they would be, of what really happened: for the preview. Nothing is written or sent."""

from collections.abc import Callable, Mapping
from typing import Any

from django.db.models import Model, QuerySet

from billing.models import Document, Payment, Refund
from customers.mail.text_templates import Names
from customers.models import Mail
from ecommerce.mails import facts
from ecommerce.mails.letters import Letter
from ecommerce.mails.letters_by_kind import LETTERS
from ecommerce.mails.parts import EXAMPLE
from ecommerce.mails.texts import LISTS, PLACEHOLDERS, names_of
from ecommerce.models import CustomerRequest, Fulfillment, Order, OrderAct, Return

Kind = Mail.Kind
Act, Request = OrderAct.Kind, CustomerRequest.Kind
Data = Mapping[str, Any]


def example_names(kind: str) -> Names:
    """Something for each placeholder of a kind, to check texts with."""
    return {name: (str(PLACEHOLDERS[name]),) if name in LISTS else str(PLACEHOLDERS[name]) for name in names_of(kind)}


def example_letter(kind: str, *, order_number: str = "") -> tuple[Order, Letter] | None:
    """The latest mail of a kind, or the latest of one order, as it would be written now; None where there is none."""
    rows, data_of = SOURCES[kind]
    found = rows()
    if order_number:
        path = {
            Order: "number",
            Document: "invoice__order__number",
            Payment: "invoice__order__number",
            Refund: "payment__invoice__order__number",
        }
        found = found.filter(**{path.get(found.model, "order__number"): order_number})
    row = found.order_by("-pk").first()
    if row is None:
        return None
    order = facts.read_order(_order_id(row))
    return order, LETTERS[kind](order, data_of(row), EXAMPLE)


def _order_id(row: Any) -> int:
    match row:
        case Order():
            return row.pk
        case Document():
            return Order.objects.values_list("pk", flat=True).get(invoice=row.invoice_id)
        case Payment():
            return int(row.invoice.order.pk)
        case Refund():
            return int(row.payment.invoice.order.pk)
        case _:
            return int(row.order_id)


def _paid() -> QuerySet[Order]:
    return Order.objects.exclude(paid_at=None).exclude(invoice=None)


def _payments() -> QuerySet[Payment]:
    # Of an order's own invoice: one that was replaced has no order any more.
    return Payment.objects.filter(invoice__order__isnull=False)


def _done(*kinds: OrderAct.Kind) -> QuerySet[OrderAct]:
    return OrderAct.objects.filter(kind__in=kinds, outcome=OrderAct.Outcome.DONE)


def _by_act(row: OrderAct) -> Data:
    return {"act": row.pk, "refund": row.refund_id}


def _by(name: str) -> Callable[[Model], Data]:
    return lambda row: {name: row.pk}


def _withdrawal(row: CustomerRequest) -> Data:
    units = {item.pk: item for item in row.order.items.all()}
    items = [facts.in_units(units[key], quantity) for key, quantity in row.items if key in units]
    return {"request": row.pk, "items": items, "sentences": []}


SOURCES: dict[str, tuple[Callable[[], QuerySet[Any]], Callable[[Any], Data]]] = {
    Kind.ORDER_CONFIRMED: (_paid, _by("order")),
    Kind.INVOICE: (lambda: Document.objects.filter(invoice__order__isnull=False), _by("document")),
    Kind.PAYMENT_FAILED: (lambda: _payments().filter(status=Payment.Status.FAILED), _by("payment")),
    Kind.AUTHENTICATION_REQUIRED: (_payments, _by("payment")),
    Kind.PAYMENT_LINK: (Order.objects.all, _by("order")),
    Kind.SHIPPED: (Fulfillment.objects.all, _by("fulfillment")),
    Kind.TRACKING_CORRECTED: (Fulfillment.objects.exclude(tracking_number="").all, _by("fulfillment")),
    Kind.CANCELED: (lambda: _done(Act.CANCEL, Act.CANCEL_ITEMS), _by_act),
    Kind.REFUNDED: (lambda: Refund.objects.filter(payment__invoice__order__isnull=False), _by("refund")),
    Kind.RETURNED: (lambda: _done(Act.RETURN), _by_act),
    Kind.RETURN_APPROVED: (lambda: Return.objects.exclude(approved_at=None), _by("return")),
    Kind.RETURN_DECLINED: (lambda: Return.objects.filter(status=Return.Status.DECLINED), _by("return")),
    Kind.CANCELLATION_DECLINED: (
        lambda: CustomerRequest.objects.filter(kind=Request.CANCELLATION, status=CustomerRequest.Status.DECLINED),
        _by("request"),
    ),
    Kind.WITHDRAWAL: (lambda: CustomerRequest.objects.filter(kind=Request.WITHDRAWAL), _withdrawal),
}
