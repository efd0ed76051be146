"""Adopt a charge that Stripe has and we have not: the order that it names is paid with it."""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from billing import payments
from billing.models import Difference
from billing.money import UnsupportedCurrency, format_money
from billing.reconciliation.records import record_end
from billing.results import UnknownCharge
from customers.actors import STRIPE, Actor
from customers.models import Customer
from ecommerce.models import Order, OrderEvent
from ecommerce.orders import stock
from ecommerce.orders.completion import mark_paid
from ecommerce.orders.errors import OrderError, in_flight, wrong_status
from ecommerce.orders.history import record
from ecommerce.orders.pay import ensure_invoice
from ecommerce.orders.payment_status import refresh
from ecommerce.orders.selectors import open_act


def adopt_matching_charge(*, charge: UnknownCharge, at: datetime) -> Order:
    """Adopt by itself what agrees in order, invoice, amount, currency and customer; raise OrderError on all else."""
    with transaction.atomic():
        order = _locked(charge.order_number)
        if not _is_of_customer(charge, order.customer):
            raise _refusal(_("Charge %(id)s was made to another customer than that of order %(order)s."), charge, order)
        if order.invoice is None or order.invoice.number != charge.invoice_number:
            raise _refusal(_("Charge %(id)s is of another invoice than that of order %(order)s."), charge, order)
        _adopt(order, charge, by=STRIPE, at=at)
    return order


def adopt_charge(*, charge: UnknownCharge, order_number: str, by: Actor, at: datetime) -> Order:
    """Adopt a charge for an order that a user names; amount and currency must agree. Raise OrderError."""
    with transaction.atomic():
        order = _locked(order_number)
        _adopt(order, charge, by=by, at=at)
    return order


def _locked(number: str) -> Order:
    orders = Order.objects.locked().select_related("customer", "invoice", "coupon")
    order = orders.filter(number=number).first()
    if order is None:
        sentence = _("There is no order %(number)s here.") % {"number": number}
        raise OrderError("unknown_order", sentence, field="order_number")
    return order


def _adopt(order: Order, charge: UnknownCharge, *, by: Actor, at: datetime) -> None:
    intent = charge.intent
    _check_adoptable(order, charge)
    stock.reserve_again(order, at=at)
    invoice = ensure_invoice(order, at=at)
    change = payments.adopt_charge(invoice=invoice, intent=intent, at=at)
    record(order, OrderEvent.Kind.PAYMENT_ADOPTED, by=by, at=at, payment=intent.id)
    card = str(change.payment.card or "")
    mark_paid(order, change.payment, by=by, at=at, card=card)
    adopted = Difference.objects.filter(stripe_id=intent.id, resolved_at=None)
    if by.user_id and (difference := adopted.first()):
        record_end(difference, Difference.Outcome.ADOPTED, note=_("By order %(order)s.") % {"order": order.number})
    adopted.update(resolved_at=at, outcome=Difference.Outcome.ADOPTED, ended_by=by.label, payment=change.payment)
    refresh(order, None)


def _check_adoptable(order: Order, charge: UnknownCharge) -> None:
    if order.status != Order.Status.CREATED:
        raise wrong_status(order, needed=_("created"), act=_("paid"))
    act = open_act(order)
    if act:
        raise in_flight(order, act)
    intent = charge.intent
    if intent.status != "succeeded":
        raise _refusal(_("Charge %(id)s did not succeed at Stripe."), charge, order)
    if (intent.amount, intent.currency) != (order.total, order.currency):
        sentence = _("Charge %(id)s is %(amount)s, order %(order)s costs %(total)s: refund the charge instead.")
        raise _refusal(sentence, charge, order)


def _refusal(sentence: str, charge: UnknownCharge, order: Order) -> OrderError:
    intent = charge.intent
    try:
        amount = format_money(intent.amount, intent.currency)
    except UnsupportedCurrency:
        amount = f"{intent.amount} {intent.currency.upper()}"
    values = {"id": intent.id, "order": order.number, "amount": amount, "total": order.total_money}
    return OrderError("charge_differs", sentence % values, field="order_number")


def _is_of_customer(charge: UnknownCharge, customer: Customer) -> bool:
    if customer.stripe_customer_id or not charge.intent.customer_id:
        return bool(charge.intent.customer_id) and customer.stripe_customer_id == charge.intent.customer_id
    # Created at Stripe after the backup was made: it names our customer, whose id may have been given to another since.
    same = (charge.customer_reference, charge.customer_email) == (str(customer.pk), customer.email)
    if same:
        Customer.objects.filter(pk=customer.pk).update(stripe_customer_id=charge.intent.customer_id)
    return same
