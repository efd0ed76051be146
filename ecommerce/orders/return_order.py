"""Return a fulfilled order: it becomes returned once Stripe has accepted the refund of all that is left."""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from customers.actors import Actor
from ecommerce.models import Order, OrderAct
from ecommerce.orders.errors import return_open, wrong_status
from ecommerce.orders.refund import join_open_act, request_full_refund
from ecommerce.orders.whole_returns import open_returns

Kind = OrderAct.Kind


def return_order(*, order_id: int, reason: str, restock: bool, by: Actor, at: datetime) -> Order:
    """Request the refund that returns a fulfilled order; raise OrderError."""
    with transaction.atomic():
        order = Order.objects.locked().select_related("invoice").get(pk=order_id)
        request_return(order, reason=reason, restock=restock, by=by, at=at)
    return order


def request_return(order: Order, *, reason: str, restock: bool, by: Actor, at: datetime) -> OrderAct | None:
    """Return a locked order; return the open act if a refund has to be executed first."""
    act = join_open_act(order, Kind.RETURN)
    if act:
        return act
    if order.status != Order.Status.FULFILLED:
        raise wrong_status(order, needed=_("fulfilled"), act=_("returned"))
    check_no_open_return(order)
    return request_full_refund(order, Kind.RETURN, reason=reason, restock=restock, by=by, at=at)


def check_no_open_return(order: Order) -> None:
    """Raise OrderError while a return of the order, which the return of all of it would be a second one of, is open."""
    for number in open_returns([order]).values():
        raise return_open(order, number)
