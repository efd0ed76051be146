"""Pay an order: issue its one invoice, request a payment, and pay with another card after a decline."""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from billing import card_attempts, invoices, payments
from billing.models import Card, Invoice, Payment
from billing.payments import PaymentSource
from customers.actors import Actor, ActorKind
from customers.models import Customer
from ecommerce.models import Order, OrderAct, OrderEvent, PaymentLink
from ecommerce.orders import stock
from ecommerce.orders.completion import mark_paid
from ecommerce.orders.contents import OrderContents, read_contents
from ecommerce.orders.doubt import check_no_unknown_charge, check_not_restored, look_up_lost_charges
from ecommerce.orders.errors import OrderError, in_flight, too_many_declines, wrong_status
from ecommerce.orders.execute import check_authentication, execute_order_payment
from ecommerce.orders.history import record
from ecommerce.orders.payment_links import check_link
from ecommerce.orders.reprice import accept_price, check_price, tax_calculation
from ecommerce.orders.selectors import open_act

# Checked before anything is written, since Stripe's refusal would leave an order with a failed payment behind.
TOKEN = re.compile(r"(pm|tok)_\w+", re.ASCII)


def pay(
    *,
    order_id: int,
    by: Actor,
    at: datetime,
    card_id: int | None = None,
    token: str = "",
    save_card: bool = True,
    expected_total: int | None = None,
) -> Order:
    """Request another payment of a created order, and execute it once; raise OrderError.

    `expected_total`, in the minor unit, accepts a price that has changed since; without it that is refused.
    """
    source_for = partial(payment_source_for, card_id=card_id, token=token, save=save_card, at=at)
    return _pay(order_id, source_for, expected_total=expected_total, by=by, at=at)


def pay_by_link(*, link: PaymentLink, token: str, expected_total: int, by: Actor, at: datetime) -> Order:
    """Do the same by a payment link, which has to hold until the payment is requested; no card is saved."""
    source_for = partial(payment_source_for, card_id=None, token=token, save=False, at=at)
    return _pay(link.order_id, source_for, expected_total=expected_total, by=by, at=at, link=link)


def _pay(
    order_id: int,
    source_for: Callable[[Customer], PaymentSource],
    *,
    expected_total: int | None,
    by: Actor,
    at: datetime,
    link: PaymentLink | None = None,
) -> Order:
    check_not_restored()
    if link:
        check_link(link, at=at)
    look_up_lost_charges(Order.objects.select_related("customer").get(pk=order_id))
    waiting = _waiting_for_authentication(order_id)
    if waiting:
        check_declines(waiting.invoice.customer, by=by)
        # The card and the price are checked before the authentication of the old one is ended for good.
        source_for(waiting.invoice.customer)
        check_price(order_id=order_id, expected_total=expected_total, at=at)
        end_authentication(order_id=order_id, at=at)
    calculation = tax_calculation(order_id=order_id, at=at)
    with transaction.atomic():
        order = Order.objects.locked().select_related("customer", "invoice", "coupon").get(pk=order_id)
        _check_payable(order)
        if link:
            check_link(link, at=at)
        check_declines(order.customer, by=by)
        source = source_for(order.customer)
        accept_price(order, expected_total=expected_total, by=by, at=at, calculation=calculation)
        stock.reserve_again(order, at=at)
        request_payment(order, source, by=by, at=at)
    return execute_order_payment(order_id=order_id, at=at)


def confirm(*, order_id: int, at: datetime) -> Order:
    """Fetch how an authentication ended, apply it, and return the order as it is then."""
    payment = _waiting_for_authentication(order_id)
    if payment:
        check_authentication(payment=payment, at=at)
    return execute_order_payment(order_id=order_id, at=at)


def end_authentication(*, order_id: int, at: datetime) -> None:
    """Cancel a payment at Stripe that a browser could still authenticate. Call it outside any transaction."""
    payment = _waiting_for_authentication(order_id)
    # Written to the row first: if Stripe can't be reached now, the sweep cancels the intent.
    if payment and payments.end_authentication(payment=payment, at=at):
        payment.refresh_from_db()
        check_authentication(payment=payment, at=at)


def _waiting_for_authentication(order_id: int) -> Payment | None:
    waiting = Payment.objects.filter(invoice__order=order_id, status=Payment.Status.REQUIRES_ACTION)
    return waiting.select_related("invoice__customer").first()


def payment_source_for(
    customer: Customer, *, card_id: int | None, token: str, save: bool, at: datetime
) -> PaymentSource:
    """The saved card or the token to charge, checked to belong to the customer; raise OrderError."""
    if card_id is not None:
        return PaymentSource(card=_card(customer, card_id, at=at))
    if not is_token(token):
        raise OrderError("card_required", _("Choose a card, or give a new one."), field="gateway_token")
    return PaymentSource(token=token, save=save)


def check_declines(customer: Customer, *, by: Actor) -> None:
    """Refuse the next card of a customer whose cards were declined too often; staff may always try another.

    In a transaction that records the attempt, nobody else of this customer or address gets in between.
    """
    if by.kind is not ActorKind.CUSTOMER:
        return
    try:
        card_attempts.check(customer=customer, address=by.address)
    except card_attempts.TooManyDeclines as error:
        raise too_many_declines(error) from error


def is_token(text: str) -> bool:
    """Whether a text has the form of a PaymentMethod id (pm_…) or a card token (tok_…)."""
    return TOKEN.fullmatch(text) is not None


def _card(customer: Customer, card_id: int, *, at: datetime) -> Card:
    card = customer.cards.filter(pk=card_id, removed_at=None).first()
    if card is None:
        raise OrderError("unknown_source", _("This customer has no such card."), field="source_id")
    if card.expired(year=at.year, month=at.month):
        values = {"card": card, "when": f"{card.exp_month:02}/{card.exp_year}"}
        raise OrderError("card_expired", _("%(card)s expired %(when)s.") % values, field="source_id")
    return card


def _check_payable(order: Order) -> None:
    if order.status != Order.Status.CREATED:
        raise wrong_status(order, needed=_("created"), act=_("paid"))
    if order.customer.erased_at:
        raise OrderError("unknown_customer", _("This customer has been erased: cancel the order."))
    act = open_act(order)
    if act:
        raise in_flight(order, act)


def request_payment(
    order: Order, source: PaymentSource, *, by: Actor, at: datetime, contents: OrderContents | None = None
) -> None:
    """Issue the order's invoice, and create the payment to be executed after the commit.

    An order that costs nothing is paid at once. The caller holds the order's lock, and has reserved stock and coupon;
    `contents` are the items and taxes, where it has just written them.
    """
    # A number that was given to another order before a restore is refused here as well.
    check_no_unknown_charge(order)
    invoice = ensure_invoice(order, at=at, contents=contents)
    if not order.total:
        mark_paid(order, by=by, at=at)
    else:
        # Rows only: Stripe is not called inside a transaction.
        by_customer = by.kind is ActorKind.CUSTOMER
        source = replace(source, by_customer=by_customer)
        payment = payments.create_payment(
            invoice=invoice, source=source, at=at, authenticate_within=_authenticate_within(by)
        )
        if by_customer:
            card_attempts.record(customer=order.customer, address=by.address, payment=payment)
        OrderAct.objects.create(order=order, kind=OrderAct.Kind.PAY, payment=payment, requested_at=at, **by.columns)
        order.money_state = Order.MoneyState.PAYMENT_PROCESSING
        ids, money = {"payment_id": payment.pk}, {"amount": order.total, "currency": order.currency}
        record(order, OrderEvent.Kind.PAYMENT_REQUESTED, by=by, at=at, ids=ids, **money)
    order.save()


def ensure_invoice(order: Order, *, at: datetime, contents: OrderContents | None = None) -> Invoice:
    """Return the order's invoice that is not void, issued here if it has none; the caller holds the order's lock."""
    # One invoice an order, however many cards are tried, unless its price changes: its number is taken once.
    if order.invoice is None:
        order.invoice = invoices.issue(data=_invoice_data(order, contents or read_contents(order)), at=at)
    return order.invoice


def _authenticate_within(by: Actor) -> timedelta:
    """How long stock and coupon wait for the customer. On the website that costs nothing and anybody may do it."""
    if by.kind == ActorKind.CUSTOMER:
        return timedelta(minutes=settings.AUTHENTICATION_MINUTES_WEBSITE)
    return payments.AUTHENTICATE_WITHIN


def _invoice_data(order: Order, contents: OrderContents) -> invoices.InvoiceData:
    lines = contents.invoice_lines()
    return invoices.InvoiceData(
        customer=order.customer,
        reference=order.number,
        currency=order.currency,
        subtotal=order.subtotal,
        discount=order.discount,
        manual_discount=order.manual_discount,
        discount_reason=order.discount_reason,
        coupon_code=order.coupon.code if order.coupon else "",
        shipping=order.shipping,
        shipping_tax=order.shipping_tax,
        shipping_name=order.shipping_name,
        tax=order.tax,
        prices_include_tax=order.prices_include_tax,
        total=order.total,
        bill_to=bill_to(order, contents.billing),
        ship_to=order.shipping_address,
        lines=lines,
        taxes=contents.invoice_taxes(lines),
    )


def bill_to(order: Order, billing: Mapping[str, Any] | None) -> dict[str, str]:
    """Return whom an invoice names: the customer, at the billing address, or else where the order is sent."""
    customer = order.customer
    address = billing or order.shipping_address or {}
    # A reverse charge, or a supply into another member state, names the tax id of whom it was made to.
    tax_id = {"tax_id": customer.tax_id} if customer.tax_id else {}
    return {**address, "name": customer.name or customer.email, "email": customer.email, **tax_id}
