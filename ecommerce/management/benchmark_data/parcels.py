"""Parcels and returns of synthetic orders. The database's triggers add up what they hold on the items."""

import random
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.db.models import Model

from ecommerce.management.benchmark_data.copy_tables import TableBuffer, reserve_ids, reserve_numbers
from ecommerce.models import Fulfillment, FulfillmentItem, Return, ReturnItem

if TYPE_CHECKING:
    from ecommerce.management.benchmark_data.orders import GeneratedOrder

ACTOR = ("staff", "Generated", None)
IN_TWO_PARCELS = 0.1  # of the orders with several items
COLUMNS: dict[type[Model], tuple[str, ...]] = {
    Fulfillment: ("id", "order_id", "carrier", "tracking_number", "at", "by_kind", "by_label", "by_user_id"),
    FulfillmentItem: ("fulfillment_id", "item_id", "quantity"),
    Return: (
        *("id", "number", "order_id", "status", "requested_at", "approved_at", "received_at", "closed_at"),
        *("by_kind", "by_label", "by_user_id"),
    ),
    ReturnItem: ("order_return_id", "item_id", "quantity", "received", "condition", "restock"),
}
Items = Sequence[tuple[int, int]]  # ids and quantities


class ParcelRows:
    """The rows of a batch of orders."""

    def __init__(self, rng: random.Random, tables: dict[type[Model], TableBuffer], size: int) -> None:
        self.rng, self.tables = rng, tables
        self.parcels: Iterator[int] = iter(reserve_ids("ecommerce_fulfillment", 2 * size))
        self.returns: Iterator[int] = iter(reserve_ids("ecommerce_return", size))
        self.return_numbers: Iterator[int] = iter(reserve_numbers("ecommerce_return_number", size))

    def add(self, order_id: int, order: "GeneratedOrder", items: Items) -> None:
        if order.partly_sent_at:
            self._add_parcel(order_id, _first_part(items), order.partly_sent_at)
        if "fulfilled" in order.times:
            self._send_all(order_id, items, order.times["fulfilled"])
        if "returned" in order.times:
            self._add_return(order_id, items, order.times["returned"])

    def _send_all(self, order_id: int, items: Items, at: datetime) -> None:
        if len(items) > 1 and self.rng.random() < IN_TWO_PARCELS:
            self._add_parcel(order_id, items[:1], at - timedelta(minutes=3))
            self._add_parcel(order_id, items[1:], at)
        else:
            self._add_parcel(order_id, items, at)

    def _add_parcel(self, order_id: int, items: Items, at: datetime) -> None:
        parcel = next(self.parcels)
        self.tables[Fulfillment].add(parcel, order_id, "DHL", f"JD0146{parcel:014}", at, *ACTOR)
        for item, quantity in items:
            self.tables[FulfillmentItem].add(parcel, item, quantity)

    def _add_return(self, order_id: int, items: Items, at: datetime) -> None:
        key = next(self.returns)
        number = f"RMA-{next(self.return_numbers)}"
        self.tables[Return].add(key, number, order_id, "closed", at, at, at, at, *ACTOR)
        for item, quantity in items:
            self.tables[ReturnItem].add(key, item, quantity, quantity, "resellable", True)


def _first_part(items: Items) -> Items:
    item, quantity = items[0]
    return [(item, quantity if len(items) > 1 else quantity - 1)]
