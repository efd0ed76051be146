"""Rows as the acts leave them, written without the acts: for pages that only show them."""

from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from billing.models import Card, CreditNote, Invoice, InvoiceLine, Payment, Refund, WebhookEvent
from customers.actors import ActorKind
from customers.models import Customer
from ecommerce.models import Order, OrderEvent, OrderItem, Sku
from ecommerce.orders.allocations import allocate_amount

ANA = {"by_kind": ActorKind.STAFF, "by_label": "Ana"}


def a_card(customer: Customer, name: str = "pm_1", **fields: Any) -> Card:
    known = {"brand": "visa", "last4": "4242", "exp_month": 12, "exp_year": 2030}
    return Card.objects.create(customer=customer, stripe_payment_method_id=name, **(known | fields))


def an_order(customer: Customer, sku: Sku, *, quantity: int = 2, **fields: Any) -> Order:
    """Write an order in Created."""
    total = sku.price * quantity
    summary = f"{quantity} x {sku.description}"
    known = {"currency": sku.currency, "subtotal": total, "total": total, "summary": summary, "sku_codes": sku.code}
    order = Order.objects.create(customer=customer, placed_via="staff", placed_by="staff:1", **(known | fields))
    order.refresh_from_db(fields=["number"])
    line = {"sku_code": sku.code, "description": sku.description, "unit_price": sku.price, "quantity": quantity}
    OrderItem.objects.create(order=order, sku=sku, amount=total, **line)
    OrderEvent.objects.create(order=order, kind="placed", at=order.created_at, **ANA)
    return order


def sku_of(order: Order) -> Sku:
    """The SKU of an order's only item."""
    sku = order.items.get().sku
    assert sku
    return sku


def a_paid_order(customer: Customer, sku: Sku, *, at: datetime | None = None, **fields: Any) -> Order:
    """Write an order with its invoice and payment."""
    at = at or timezone.now()
    order = an_order(customer, sku, created_at=at, **fields)
    order.invoice = an_invoice(order, at=at)
    order.pay(at=at)
    order.save()
    OrderEvent.objects.create(order=order, kind="paid", at=at, **ANA)
    return order


def an_invoice(order: Order, *, at: datetime) -> Invoice:
    """Write a paid invoice."""
    customer = order.customer
    invoice = Invoice.objects.create(
        number=f"INV-{order.pk:06d}", customer=customer, reference=order.number, status="paid", currency=order.currency,
        subtotal=order.subtotal, discount=order.discount, total=order.total, amount_paid=order.total, paid_at=at,
        issued_at=at, bill_to={"name": customer.name, "email": customer.email, "line1": "1 High Street",
                               "city": "London", "country": "GB"},
    )  # fmt: skip
    for item in order.items.all():
        frozen = {name: getattr(item, name) for name in ("sku_code", "description", "quantity", "unit_price", "amount")}
        InvoiceLine.objects.create(invoice=invoice, **frozen)
    if order.total:
        Payment.objects.create(
            invoice=invoice, amount=order.total, currency=order.currency, status="succeeded", next_attempt_at=None,
            requested_at=at,
            closed_at=at, stripe_payment_intent_id=f"pi_{order.number}",
        )  # fmt: skip
    return invoice


def a_refund(order: Order, amount: int, *, at: datetime | None = None, **fields: Any) -> Refund:
    """Write a refund with its credit note."""
    at = at or timezone.now()
    assert order.invoice
    payment = order.invoice.payments.get()
    known = {
        "status": "succeeded",
        "next_attempt_at": None,
        "stripe_refund_id": f"re_{order.number}_{amount}",
        "reason": "Broken",
    }
    refund = Refund.objects.create(
        payment=payment, amount=amount, currency=order.currency, requested_at=at, closed_at=at, **(ANA | known | fields)
    )
    if refund.status != "failed":
        allocate_amount(refund)
        CreditNote.objects.create(
            number=f"CN-{refund.pk}", invoice=order.invoice, refund=refund, currency=order.currency, amount=amount,
            issued_at=at,
        )  # fmt: skip
        Invoice.objects.filter(pk=order.invoice.pk).update(amount_refunded=order.invoice.amount_refunded + amount)
        Order.objects.filter(pk=order.pk).update(amount_refunded=order.amount_refunded + amount)
    return refund


def an_event(name: str = "evt_1", **fields: Any) -> WebhookEvent:
    payload = {"id": name, "type": "refund.updated", "data": {"object": {"id": "re_1", "status": "succeeded"}}}
    known = {"type": "refund.updated", "payload": payload, "processed_at": timezone.now(), "next_attempt_at": None}
    return WebhookEvent.objects.create(stripe_event_id=name, **(known | fields))


def days_ago(days: float) -> datetime:
    return timezone.now() - timedelta(days=days)
