"""Customers ask to return items, and staff answer by mail."""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction
from django.db.models import Prefetch

from customers.actors import Actor
from ecommerce.customer_requests.rules import return_objections
from ecommerce.mails import acts as mails
from ecommerce.models import Order, OrderItem, Return
from ecommerce.orders import returns


def ask_for_return(
    *, order_id: int, items: Sequence[tuple[int, int]], reason: str, note: str = "", by: Actor, at: datetime
) -> Return:
    """Ask staff to take items back, within the rules of shop and products; raise OrderError."""
    own = Prefetch("items", OrderItem.objects.order_by("pk"))
    with transaction.atomic():
        order = Order.objects.locked().prefetch_related(own, "fulfillments").get(pk=order_id)
        chosen = dict(items)
        for objection in return_objections(order, [item for item in order.items.all() if item.pk in chosen], at=at):
            raise objection
        return returns.open_return(
            order_id=order_id, items=items, reason=reason[:200], note=note, approved=False, by=by, at=at
        )


def approve(*, return_id: int, answer: str = "", by: Actor, at: datetime) -> Return:
    """Approve a requested return and tell the customer where it goes; raise OrderError."""
    with transaction.atomic():
        approved = returns.approve_return(return_id=return_id, answer=answer.strip(), by=by, at=at)
        mails.return_approved(approved)
    return approved


def decline(*, return_id: int, answer: str, by: Actor, at: datetime) -> Return:
    """Decline a requested return and tell the customer why; raise OrderError."""
    with transaction.atomic():
        declined = returns.decline_return(return_id=return_id, answer=answer.strip(), by=by, at=at)
        mails.return_declined(declined)
    return declined
