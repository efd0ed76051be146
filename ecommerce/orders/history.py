"""The history of orders: one event for each thing that happened, written in the transaction of what it records."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db.models import F

from customers.actors import Actor
from ecommerce.models import Order, OrderEvent


def new_event(
    order: Order, kind: OrderEvent.Kind, *, by: Actor, at: datetime, ids: Any = None, **data: Any
) -> OrderEvent:
    """Make an event without saving it; `data` is JSON, `ids` those of the operation, which the log has beside it."""
    event = OrderEvent(order=order, kind=kind, at=at, data=data, **by.columns)
    event.ids = ids or {}
    return event


def record(order: Order, kind: OrderEvent.Kind, *, by: Actor, at: datetime, ids: Any = None, **data: Any) -> None:
    """Write an event in the transaction of what it reports, as `new_event` makes it."""
    new_event(order, kind, by=by, at=at, ids=ids, **data).save()


def status_events(orders: Iterable[Order]) -> dict[int, OrderEvent]:
    """Return, by order id, the event that brought each order to its present status."""
    events = OrderEvent.objects.filter(order__in=list(orders), kind=F("order__status")).order_by("pk")
    return {event.order_id: event for event in events}
