"""A line of the log for each thing that happens to an order, by whose number it is found; written on commit.

`OrderEvent` writes it wherever events are saved; the two statements that insert events by themselves call
`orders_happened`. Of many orders at once it is one line a kind, with all their numbers.
"""

import logging
from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from backoffice import logs
from customers.actors import Actor

if TYPE_CHECKING:
    from ecommerce.models.act import OrderEvent
    from ecommerce.models.order import Order

logger = logging.getLogger("ecommerce.history")
# Of an event's data: what says how much and through what, and nothing that anybody wrote.
OF_DATA = {
    **{
        name: name
        for name in ("amount", "currency", "via", "code", "decline_code", "payment_id", "refund_id", "mail_id")
    },
    "job": "job_id",
    "tracking_file": "tracking_file_id",
    "fulfillments": "fulfillment_ids",
    "return": "return",
}


def happened(event: "OrderEvent") -> None:
    """Write the line of one event."""
    data = {field: event.data[name] for name, field in OF_DATA.items() if event.data.get(name)}
    ids = {name: value for name, value in event.ids.items() if value}
    fields = {"act": event.kind, "actor": event.by.reference, **data, **ids}
    fields |= {"order": event.order.number, "order_id": event.order_id}
    logs.info_on_commit(logger, _message(event.kind), **fields)


def many_happened(events: Sequence["OrderEvent"]) -> None:
    """Write a line for all events of a kind and actor."""
    groups = defaultdict[tuple[str, Actor], list["OrderEvent"]](list)
    for event in events:
        groups[event.kind, event.by].append(event)
    for (kind, by), group in groups.items():
        # One list for each of the ids, in the order of the orders.
        ids = {f"{name}s": [event.ids.get(name) or 0 for event in group] for name in group[0].ids}
        orders_happened(kind, [event.order for event in group], by=by, **ids)


def orders_happened(kind: str, orders: Sequence["Order"], *, by: Actor, **fields: Any) -> None:
    """Write a line of what a statement did to all of these orders."""
    numbers = [order.number for order in orders]
    logs.info_of_orders(logger, _message(kind), numbers, act=str(kind), actor=by.reference, **fields)


def _message(kind: str) -> str:
    return f"Order {kind.replace('_', ' ')}"
