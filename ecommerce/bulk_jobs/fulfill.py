"""Fulfilling many orders in one transaction: each by its own transition, all written together."""

import json
from collections.abc import Sequence
from datetime import datetime

from django.db import connection

from ecommerce.bulk_jobs.outcomes import Outcome, Status
from ecommerce.bulk_jobs.permissions import actor_of, may_fulfill_despite_attention
from ecommerce.mails import acts as mails
from ecommerce.models import BulkJob, Order
from ecommerce.models.event_log import orders_happened
from ecommerce.models.id_arrays import array_of
from ecommerce.orders.errors import OrderError
from ecommerce.orders.fulfill import check_fulfillable
from ecommerce.orders.fulfill import fulfill as fulfill_one
from ecommerce.orders.history import status_events
from ecommerce.orders.selectors import open_acts

# Of an order, that this module reads.
COLUMNS = (
    *("number", "status", "fulfillment_state", "total", "amount_refunded", "fees_kept", "fulfilled_at", "attention"),
    *("on_hold", "hold_reason", "hold_until"),
)
# A parcel with all that is left, for each order with something left to send: digital items need none.
WRITE = """
WITH unsent AS MATERIALIZED (
    SELECT id, order_id, quantity - fulfilled - canceled AS quantity FROM ecommerce_orderitem
    WHERE order_id = ANY(%(ids)s::bigint[]) AND shippable AND quantity > fulfilled + canceled
), parcels AS (
    INSERT INTO ecommerce_fulfillment (order_id, carrier, tracking_number, at, by_kind, by_label, by_user_id)
    SELECT order_id, %(carrier)s, '', %(at)s, %(by_kind)s, %(by_label)s, %(by_user_id)s FROM unsent GROUP BY order_id
    RETURNING id, order_id
), contents AS (
    INSERT INTO ecommerce_fulfillmentitem (fulfillment_id, item_id, quantity)
    SELECT parcels.id, unsent.id, unsent.quantity FROM unsent JOIN parcels USING (order_id)
)
INSERT INTO ecommerce_orderevent (order_id, kind, at, data, by_kind, by_label, by_user_id)
SELECT unnest(%(ids)s::bigint[]), 'fulfilled', %(at)s, %(data)s::jsonb, %(by_kind)s, %(by_label)s, %(by_user_id)s
"""


def fulfill(job: BulkJob, orders: Sequence[Order], *, at: datetime) -> list[Outcome]:
    """Fulfill orders, whose locks the caller holds."""
    acts = open_acts(orders)
    events = status_events(order for order in orders if order.status != Order.Status.PAID)
    accepted = _accepted(job)
    fulfilled, outcomes = [], []
    for order in orders:
        try:
            if order.attention and order.pk in accepted:
                # Few: by the act of one order, which computes its state of money anew and records what was accepted.
                carrier = carrier_of(job) if order.items.filter(shippable=True).exists() else ""
                fulfill_one(order_id=order.pk, carrier=carrier, by=actor_of(job), at=at, despite_attention=True)
            else:
                check_fulfillable(order, acts.get(order.pk), events)
                order.fulfill(at=at)
                fulfilled.append(order)
        except OrderError as error:
            # Another act in flight does not skip the order: it stays pending and is tried again.
            status = Status.PENDING if error.code == "in_progress" else Status.SKIPPED
            outcomes.append(Outcome(order.pk, status, error.message))
        else:
            outcomes.append(Outcome(order.pk, Status.DONE))
    _write(job, fulfilled, at=at)
    return outcomes


def _accepted(job: BulkJob) -> frozenset[int]:
    if not job.fulfill_despite_attention or not may_fulfill_despite_attention(job):
        return frozenset()
    return frozenset(job.fulfill_despite_attention)


def _write(job: BulkJob, orders: Sequence[Order], *, at: datetime) -> None:
    if not orders:
        return
    Order.objects.write_transitions(orders, old=Order.Status.PAID, also=("fulfillment_state",))
    data = json.dumps({"carrier": carrier_of(job), "tracking_number": "", "job": job.pk})
    with connection.cursor() as cursor:
        ids = array_of(order.pk for order in orders)
        parcel = {"data": data, "carrier": carrier_of(job)}
        cursor.execute(WRITE, {"ids": ids, "at": at, **parcel, **actor_of(job).columns})
    orders_happened("fulfilled", orders, by=actor_of(job), job_id=job.pk)
    mails.shipped_together([order.pk for order in orders], at=at)


def carrier_of(job: BulkJob) -> str:
    """The carrier of all parcels of the job; "" where none was named."""
    return str(job.parameters.get("carrier", ""))
