"""Cancel an order: one that was not paid at once, a paid one once Stripe has accepted the refund.

One of which a parcel has left can't be canceled as a whole: `cancel_items` cancels what is left of it.
"""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from billing import invoices
from customers.actors import Actor
from ecommerce.mails import acts as mails
from ecommerce.models import Order, OrderAct, OrderEvent
from ecommerce.orders import stock
from ecommerce.orders.errors import partly_fulfilled, wrong_status
from ecommerce.orders.history import record
from ecommerce.orders.pay import end_authentication
from ecommerce.orders.payment_status import refresh
from ecommerce.orders.refund import join_open_act, request_full_refund

Kind, Status = OrderAct.Kind, Order.Status


def cancel(*, order_id: int, reason: str, by: Actor, at: datetime) -> Order:
    """Cancel a created order, or request the refund that cancels a paid one; raise OrderError."""
    # Before the order is locked, since it calls Stripe: a browser could still complete the payment afterwards.
    end_authentication(order_id=order_id, at=at)
    with transaction.atomic():
        order = Order.objects.locked().select_related("invoice").get(pk=order_id)
        request_cancel(order, reason=reason, by=by, at=at)
    return order


def request_cancel(order: Order, *, reason: str, by: Actor, at: datetime) -> OrderAct | None:
    """Cancel a locked order; return the open act if a refund has to be executed first."""
    act = join_open_act(order, Kind.CANCEL)
    if act:
        return act
    if order.status == Status.CREATED:
        _cancel_unpaid(order, reason=reason, by=by, at=at)
        return None
    if order.status != Status.PAID:
        raise wrong_status(order, needed=_("created or paid"), act=_("canceled"))
    if order.fulfillment_state:
        raise partly_fulfilled(order)
    return request_full_refund(order, Kind.CANCEL, reason=reason, by=by, at=at)


def _cancel_unpaid(order: Order, *, reason: str, by: Actor, at: datetime) -> None:
    order.cancel(at=at)
    stock.release(order)
    order.items.all().cancel_left()
    if order.invoice:
        invoices.void(invoice=order.invoice, at=at)
    record(order, OrderEvent.Kind.CANCELED, by=by, at=at, reason=reason)
    mails.canceled_unpaid(order)
    refresh(order, None)
