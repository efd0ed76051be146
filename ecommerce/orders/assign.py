"""Assign orders to a member of staff."""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from customers.actors import Actor
from customers.models import User
from ecommerce.models import Order, OrderEvent
from ecommerce.orders.errors import OrderError
from ecommerce.orders.history import new_event


def assign(*, order_id: int, assignee_id: int | None, by: Actor, at: datetime) -> Order:
    """Assign an order to an active member of staff, or to nobody; raise OrderError."""
    with transaction.atomic():
        order = Order.objects.locked().get(pk=order_id)
        assign_to([order], find_assignee(assignee_id), by=by, at=at)
    return order


def assignees() -> QuerySet[User]:
    """Return whom orders may be assigned to: the active members of staff, by name."""
    return User.objects.filter(is_active=True, is_staff=True).order_by("first_name", "last_name", "username")


def find_assignee(user_id: int | None) -> User | None:
    """Return the member of staff; raise OrderError where there is none who is active."""
    if user_id is None:
        return None
    user = assignees().filter(pk=user_id).first()
    if user is None:
        raise OrderError("unknown_assignee", _("Choose an active member of staff."), field="assignee")
    return user


def assign_to(orders: Sequence[Order], assignee: User | None, *, by: Actor, at: datetime) -> set[int]:
    """Write the assignee of orders that the caller has locked, with an event each; return the ids that change."""
    assignee_id = assignee.pk if assignee else None
    changed = [order for order in orders if order.assignee_id != assignee_id]
    Order.objects.with_ids([order.pk for order in changed]).update(assignee=assignee)
    kind, data = OrderEvent.Kind.ASSIGNED, {"assignee": str(assignee) if assignee else ""}
    OrderEvent.objects.bulk_create(new_event(order, kind, by=by, at=at, **data) for order in changed)
    for order in changed:
        order.assignee = assignee
    return {order.pk for order in changed}
