"""Shipping all that is left of many orders in one transaction, each with the numbers of its rows."""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime

from django.db import connection

from customers.actors import Actor
from ecommerce.mails import acts as mails
from ecommerce.models import Order, TrackingFile
from ecommerce.models.event_log import orders_happened
from ecommerce.models.id_arrays import array_of
from ecommerce.orders.errors import OrderError
from ecommerce.orders.fulfill import check_fulfillable

# Of an order, that this module reads.
COLUMNS = (
    *("number", "status", "fulfillment_state", "total", "amount_refunded", "fees_kept", "fulfilled_at", "attention"),
    *("on_hold", "hold_reason", "hold_until"),
)
# A parcel for each order, of a digital one too: the file says that one left.
WRITE = """
WITH named AS MATERIALIZED (
    SELECT order_id, (array_agg(carrier ORDER BY number))[1] AS carrier,
        array_agg(tracking_number ORDER BY number) AS numbers
    FROM ecommerce_trackingfilerow WHERE id = ANY(%(rows)s::bigint[]) AND order_id = ANY(%(ids)s::bigint[])
    GROUP BY order_id
), parcels AS (
    INSERT INTO ecommerce_fulfillment
        (order_id, carrier, tracking_number, further_tracking_numbers, at, by_kind, by_label, by_user_id)
    SELECT order_id, carrier, numbers[1], numbers[2:], %(at)s, %(by_kind)s, %(by_label)s, %(by_user_id)s FROM named
    RETURNING id, order_id
), contents AS (
    INSERT INTO ecommerce_fulfillmentitem (fulfillment_id, item_id, quantity)
    SELECT p.id, i.id, i.quantity - i.fulfilled - i.canceled
    FROM parcels p JOIN ecommerce_orderitem i ON i.order_id = p.order_id
    WHERE i.shippable AND i.quantity > i.fulfilled + i.canceled
)
INSERT INTO ecommerce_orderevent (order_id, kind, at, data, by_kind, by_label, by_user_id)
SELECT n.order_id, 'fulfilled', %(at)s,
    %(data)s::jsonb || jsonb_build_object(
        'carrier', n.carrier, 'tracking_number', n.numbers[1], 'further_tracking_numbers', to_jsonb(n.numbers[2:]),
        'fulfillments', jsonb_build_array(p.id)
    ), %(by_kind)s, %(by_label)s, %(by_user_id)s
FROM named n JOIN parcels p USING (order_id)
"""


def ship_together(
    file: TrackingFile, orders: Sequence[Order], row_ids: Iterable[int], *, by: Actor, at: datetime
) -> dict[int, str]:
    """Ship locked orders with the numbers of these rows; return the sentences of those that can't be."""
    refused, shipped = dict[int, str](), []
    for order in orders:
        try:
            check_fulfillable(order, None)  # none has an open act: its rows were judged under this lock
        except OrderError as error:
            refused[order.pk] = error.message
        else:
            order.fulfill(at=at)
            shipped.append(order)
    if shipped:
        Order.objects.write_transitions(shipped, old=Order.Status.PAID, also=("fulfillment_state",))
        _write(file, shipped, row_ids, by=by, at=at)
    return refused


def _write(file: TrackingFile, orders: Sequence[Order], row_ids: Iterable[int], *, by: Actor, at: datetime) -> None:
    ids = array_of(order.pk for order in orders)
    params = {"ids": ids, "rows": array_of(row_ids), "at": at, **by.columns}
    with connection.cursor() as cursor:
        cursor.execute(WRITE, {**params, "data": json.dumps({"tracking_file": file.pk})})
    orders_happened("fulfilled", orders, by=by, tracking_file_id=file.pk)
    mails.shipped_together([order.pk for order in orders], at=at)
