"""The history of orders: one event for each thing that happened, written in the transaction of what it records."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db.models import F

from customers.actors import Actor
from ecommerce.models import Order, OrderEvent


def new_event(order: Order, kind: OrderEvent.Kind, *, by: Actor, at: datetime, **data: Any) -> OrderEvent:
    """Make an event without saving it; `data` is JSON."""
    return OrderEvent(order=order, kind=kind, at=at, data=data, **by.columns)


def record(order: Order, kind: OrderEvent.Kind, *, by: Actor, at: datetime, **data: Any) -> None:
    """Write an event in the transaction of what it reports; `data` is JSON."""
    new_event(order, kind, by=by, at=at, **data).save()


def status_events(orders: Iterable[Order]) -> dict[int, OrderEvent]:
    """Return, by order id, the event that brought each order to its present status."""
    events = OrderEvent.objects.filter(order__in=list(orders), kind=F("order__status")).order_by("pk")
    return {event.order_id: event for event in events}
