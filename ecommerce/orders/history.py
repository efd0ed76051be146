"""The history of an order: one event for each thing that happened to it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from customers.actors import Actor
from ecommerce.models import Order, OrderEvent


def record(order: Order, kind: str, *, by: Actor, at: datetime, **data: Any) -> OrderEvent:
    """Write an event, in the transaction of what it tells of. `data` is JSON."""
    return OrderEvent.objects.create(order=order, kind=kind, at=at, data=data, **by.columns)


def record_many(
    told: Sequence[tuple[Order, Mapping[str, Any]]], kind: str, *, by: Actor, at: datetime
) -> list[OrderEvent]:
    """Write an event of the same kind for each order, with its own data."""
    events = [OrderEvent(order=order, kind=kind, at=at, data=dict(data), **by.columns) for order, data in told]
    return OrderEvent.objects.bulk_create(events)
