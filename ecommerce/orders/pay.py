"""Collecting an order's payment: the one invoice, one charge at a time, and another card after a decline."""

import re
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from billing import invoices, payments
from billing.models import Card, InvoiceLine, Payment
from billing.payments import PaymentSource
from customers.actors import Actor
from customers.models import Customer
from ecommerce.models import Order, OrderAct
from ecommerce.orders import stock
from ecommerce.orders.errors import OrderError, in_flight, wrong_status
from ecommerce.orders.execute import look_at_payment, settle_payment
from ecommerce.orders.history import record
from ecommerce.orders.selectors import open_act

TOKEN = re.compile(r"(pm|tok)_\w+", re.ASCII)


def pay(
    *, order_id: int, by: Actor, at: datetime, card_id: int | None = None, token: str = "", save_card: bool = True
) -> Order:
    """Pay a created order with another card; raise OrderRefused, and nothing happened."""
    waiting = _waiting_for_authentication(order_id)
    if waiting:
        # Whether there is a card to go on with is asked before the authentication is ended for good.
        payment_source_for(waiting.invoice.customer, card_id=card_id, token=token, save=save_card, at=at)
        end_authentication(order_id=order_id, at=at)
    with transaction.atomic():
        order = Order.objects.locked().select_related("customer", "invoice", "coupon").get(pk=order_id)
        _check_payable(order)
        means = payment_source_for(order.customer, card_id=card_id, token=token, save=save_card, at=at)
        stock.take_again(order, at=at)
        request_payment(order, means, by=by, at=at)
    return settle_now(order_id=order_id, at=at)


def confirm(*, order_id: int, at: datetime) -> Order:
    """Ask Stripe how an authentication ended, and give the order as it then is."""
    payment = _waiting_for_authentication(order_id)
    if payment:
        look_at_payment(payment=payment, at=at)
    return settle_now(order_id=order_id, at=at)


def end_authentication(*, order_id: int, at: datetime) -> None:
    """End an authentication that a browser may still complete, so that its payment can't succeed any more."""
    payment = _waiting_for_authentication(order_id)
    if payment and payments.end_authentication(payment=payment, at=at):
        payment.refresh_from_db()
        look_at_payment(payment=payment, at=at)


def _waiting_for_authentication(order_id: int) -> Payment | None:
    waiting = Payment.objects.filter(invoice__order=order_id, status=Payment.Status.REQUIRES_ACTION)
    return waiting.select_related("invoice__customer").first()


def settle_now(*, order_id: int, at: datetime) -> Order:
    """Make one attempt to settle an order's charge, outside any transaction, and give the order as it then is."""
    act = OrderAct.objects.filter(order=order_id, closed_at=None, kind=OrderAct.Kind.PAY).first()
    if act and act.payment_id:
        settle_payment(payment_id=act.payment_id, at=at)
    return Order.objects.select_related("customer", "invoice").get(pk=order_id)


def payment_source_for(
    customer: Customer, *, card_id: int | None, token: str, save: bool, at: datetime
) -> PaymentSource:
    """Give what to charge, checked to be this customer's; raise OrderRefused."""
    if card_id is not None:
        return PaymentSource(card=_card(customer, card_id, at=at))
    if not is_token(token):
        raise OrderError("card_required", _("Choose a card, or give a new one."), field="gateway_token")
    return PaymentSource(token=token, save=save)


def is_token(text: str) -> bool:
    """Tell whether a text is written as Stripe writes the name of a new card."""
    return TOKEN.fullmatch(text) is not None


def _card(customer: Customer, card_id: int, *, at: datetime) -> Card:
    card = customer.cards.filter(pk=card_id, removed_at=None).first()
    if card is None:
        raise OrderError("unknown_source", _("This customer has no such card."), field="source_id")
    if card.expired(year=at.year, month=at.month):
        expired = {"card": card, "when": f"{card.exp_month:02}/{card.exp_year}"}
        raise OrderError("card_expired", _("%(card)s expired %(when)s.") % expired, field="source_id")
    return card


def _check_payable(order: Order) -> None:
    if order.status != Order.Status.CREATED:
        raise wrong_status(order, needed=_("created"), act=_("paid"))
    other = open_act(order)
    if other:
        raise in_flight(order, other)


def request_payment(order: Order, means: PaymentSource, *, by: Actor, at: datetime) -> None:
    """Issue the order's invoice and write the wish to charge it; nothing to charge is paid at once.

    The caller holds the order's lock, and has taken stock and coupon.
    """
    if order.invoice is None:
        order.invoice = invoices.issue(data=_billed(order), at=at)
    if not order.total:
        mark_paid(order, by=by, at=at)
    else:
        payment = payments.create_payment(invoice=order.invoice, source=means, at=at)
        OrderAct.objects.create(order=order, kind=OrderAct.Kind.PAY, payment=payment, requested_at=at, **by.columns)
        order.money_state = Order.MoneyState.PAYMENT_PROCESSING
        record(order, "payment_requested", by=by, at=at, amount=order.total, currency=order.currency)
    order.save()


def mark_paid(order: Order, *, by: Actor, at: datetime, **data: str) -> None:
    """Mark the order and its invoice as paid; the caller saves the order."""
    if order.invoice is None:
        raise RuntimeError(f"Order {order.number} has no invoice to pay.")
    invoices.mark_paid(invoice=order.invoice, at=at)
    order.pay(at=at)
    order.money_state = ""
    order.attention = ""
    record(order, "paid", by=by, at=at, amount=order.total, currency=order.currency, **data)


def _billed(order: Order) -> invoices.InvoiceData:
    return invoices.InvoiceData(
        customer=order.customer,
        reference=order.number,
        currency=order.currency,
        subtotal=order.subtotal,
        discount=order.discount,
        shipping=order.shipping,
        tax=order.tax,
        total=order.total,
        bill_to=_bill_to(order),
        lines=[
            InvoiceLine(
                sku_code=item.sku_code,
                description=item.description,
                quantity=item.quantity,
                unit_price=item.unit_price,
                amount=item.amount,
            )
            for item in order.items.order_by("pk")
        ],
    )


def _bill_to(order: Order) -> dict[str, str]:
    customer = order.customer
    billing = customer.addresses.filter(kind="billing").order_by("-is_default", "-pk").first()
    address = billing.frozen() if billing else order.shipping_address or {}
    return {**address, "name": customer.name or customer.email, "email": customer.email}
