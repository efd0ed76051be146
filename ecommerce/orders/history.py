"""The history of an order: one event for each thing that happened to it."""

from datetime import datetime
from typing import Any

from customers.actors import Actor
from ecommerce.models import Order, OrderEvent


def record(order: Order, kind: str, *, by: Actor, at: datetime, **data: Any) -> OrderEvent:
    """Write an event, in the transaction of what it tells of. `data` is JSON."""
    return OrderEvent.objects.create(order=order, kind=kind, at=at, data=data, **by.columns)
