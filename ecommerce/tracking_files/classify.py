"""What a row would do, as the orders are now: one statement for a whole file, and for a batch under its locks."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db import connection

from ecommerce.models import TrackingFile
from ecommerce.models.id_arrays import array_of

# A row of an order and a number that the order has already changes nothing: a file may come twice.
CLASSIFY = """
WITH r AS MATERIALIZED (
    SELECT id, number, order_id, tracking_number AS tracking, lower(sku) AS sku, quantity, problem, doubt,
        row_number() OVER (
            PARTITION BY order_id, tracking_number, lower(sku), quantity ORDER BY number
        ) > 1 AS repeated,
        bool_or(sku <> '') OVER (PARTITION BY order_id) AS by_sku
    FROM ecommerce_trackingfilerow
    WHERE file_id = %(file)s AND order_id IS NOT NULL AND status = 'pending' {only}
), judged AS (
    SELECT r.id, r.number, r.order_id, r.tracking, r.by_sku, p.numbers, o.hold_reason, o.attention, i.left_to_send,
        CASE
            WHEN r.problem <> '' THEN 'problem'
            WHEN r.doubt <> '' AND NOT %(accept)s THEN 'doubt'
            WHEN r.tracking = ANY(p.numbers) THEN 'has_number'
            WHEN r.repeated THEN 'repeated'
            WHEN o.status IN ('created', 'canceled', 'returned') THEN o.status
            WHEN o.status = 'fulfilled' AND (p.parcels = 1 OR p.unnumbered = 1) THEN 'correct'
            WHEN o.status = 'fulfilled' THEN 'which_parcel'
            WHEN a.id IS NOT NULL THEN 'in_flight'
            WHEN o.total > 0 AND o.amount_refunded >= o.total THEN 'refunded'
            WHEN o.on_hold THEN 'on_hold'
            WHEN o.attention <> '' THEN 'attention'
            WHEN r.sku = '' THEN 'ship'
            WHEN i.left_to_send IS NULL THEN 'unknown_sku'
            WHEN i.left_to_send = 0 THEN 'nothing_left'
            WHEN SUM(
                CASE WHEN r.repeated OR r.tracking = ANY(p.numbers) THEN 0
                ELSE COALESCE(r.quantity, i.left_to_send) END
            ) OVER (PARTITION BY r.order_id, r.sku ORDER BY r.number) > i.left_to_send THEN 'too_many'
            ELSE 'part'
        END AS code
    FROM r JOIN ecommerce_order o ON o.id = r.order_id
    LEFT JOIN ecommerce_orderact a ON a.order_id = o.id AND a.closed_at IS NULL
    -- By index for each row: nothing is known of rows just written, and joins of sets were planned to be quadratic.
    CROSS JOIN LATERAL (
        SELECT COUNT(DISTINCT f.id) AS parcels,
            COUNT(DISTINCT f.id) FILTER (WHERE f.tracking_number = '') AS unnumbered,
            COALESCE(array_agg(n.number ORDER BY f.id) FILTER (WHERE n.number <> ''), '{{}}') AS numbers
        FROM ecommerce_fulfillment f
        CROSS JOIN LATERAL unnest(f.tracking_number || f.further_tracking_numbers) AS n(number)
        WHERE f.order_id = o.id AND f.voided_at IS NULL
    ) p
    CROSS JOIN LATERAL (
        SELECT SUM(CASE WHEN shippable THEN quantity - fulfilled - canceled ELSE 0 END) AS left_to_send
        FROM ecommerce_orderitem WHERE r.sku <> '' AND order_id = r.order_id AND lower(sku_code) = r.sku
    ) i
), grouped AS (
    SELECT *,
        row_number() OVER (PARTITION BY order_id, code ORDER BY number) > 1 AS is_later,
        -- The rows of an order and a number are one parcel, which leaves with all of them or not at all.
        bool_or(code IN ('unknown_sku', 'nothing_left', 'too_many', 'problem', 'doubt'))
            OVER (PARTITION BY order_id, tracking) AS is_broken
    FROM judged
)
SELECT id, order_id, by_sku,
    CASE
        WHEN code IN ('part', 'ship') AND is_broken THEN 'other_row'
        WHEN code = 'correct' AND row_number() OVER (PARTITION BY order_id, code, tracking ORDER BY number) > 1
            THEN 'repeated'
        WHEN is_later AND (code = 'correct' OR code = 'ship' AND NOT by_sku) THEN 'further'
        ELSE code
    END AS code,
    CASE code
        WHEN 'on_hold' THEN hold_reason
        WHEN 'attention' THEN attention
        WHEN 'correct' THEN array_to_string(numbers, ', ')
        WHEN 'too_many' THEN left_to_send::text
        ELSE ''
    END AS detail
FROM grouped
"""
OF_ORDERS = f"""{CLASSIFY.format(only="AND order_id = ANY(%(ids)s::bigint[])")} ORDER BY number"""
FIND_ORDERS = """
UPDATE ecommerce_trackingfilerow r SET order_id = o.id FROM ecommerce_order o
WHERE r.file_id = %(file)s AND r.order_id IS NULL AND r.status = 'pending' AND r.order_number <> ''
    AND o.number = r.order_number
"""
WRITE_CODES = f"""
UPDATE ecommerce_trackingfilerow row SET code = judged.code, detail = judged.detail
FROM ({CLASSIFY.format(only="")}) judged WHERE row.id = judged.id
"""  # noqa: S608 - of our own words
WITHOUT_ORDER = """
UPDATE ecommerce_trackingfilerow
SET code = CASE WHEN problem = '' THEN 'unknown' ELSE 'problem' END, status = %(status)s
WHERE file_id = %(file)s AND order_id IS NULL AND status = 'pending'
"""


@dataclass(frozen=True, slots=True)
class Judged:
    """What a row would do. `by_sku` is whether rows of its order name SKUs."""

    id: int
    order_id: int
    by_sku: bool
    code: str
    detail: str


def find_orders(file: TrackingFile) -> None:
    """Find the orders of the rows that have none yet."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL jit TO off")
        cursor.execute(FIND_ORDERS, {"file": file.pk})


def close_without_order(file: TrackingFile, *, status: str) -> None:
    """Say of the rows without an order why they have none."""
    with connection.cursor() as cursor:
        cursor.execute(WITHOUT_ORDER, {"file": file.pk, "status": status})


def write_codes(file: TrackingFile) -> None:
    """Write what each pending row would do as the orders are now."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL jit TO off")
        cursor.execute(WRITE_CODES, {"file": file.pk, "accept": file.accept_doubtful})


def classify(file: TrackingFile, order_ids: Iterable[int]) -> list[Judged]:
    """Judge the pending rows of orders whose locks the caller holds, in the order of the file."""
    params: dict[str, Any] = {"file": file.pk, "accept": file.accept_doubtful, "ids": array_of(order_ids)}
    with connection.cursor() as cursor:
        cursor.execute(OF_ORDERS, params)
        return [Judged(*row) for row in cursor.fetchall()]
