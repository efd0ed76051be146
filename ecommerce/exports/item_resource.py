"""The columns of a file of items: a row for each item of the orders, each column an SQL expression."""

from ecommerce.exports.order_resource import UNIT, AmountColumn, Column, CopiedResource, NumberColumn, TextColumn

# An item that is in two parcels has the carriers and numbers of both.
FROM_ITEMS = f"""
FROM ecommerce_order o
CROSS JOIN LATERAL (SELECT {UNIT} AS unit) u
JOIN ecommerce_orderitem i ON i.order_id = o.id
LEFT JOIN (
    SELECT c.item_id, string_agg(NULLIF(f.carrier, ''), '; ' ORDER BY f.id) AS carriers,
           string_agg(NULLIF(array_to_string(f.tracking_number || f.further_tracking_numbers, '; '), ''), '; '
                      ORDER BY f.id) AS tracking_numbers
    FROM ecommerce_fulfillment f JOIN ecommerce_fulfillmentitem c ON c.fulfillment_id = f.id
    WHERE f.order_id = ANY(%(ids)s::bigint[]) AND f.voided_at IS NULL GROUP BY 1
) sent ON sent.item_id = i.id
WHERE o.id = ANY(%(ids)s::bigint[]) ORDER BY o.id, i.id
"""  # noqa: S608 - the currencies of our own table


class ItemResource(CopiedResource):
    tables = FROM_ITEMS
    order_number = Column("o.number")
    order_status = Column("o.status")
    sku = TextColumn("i.sku_code")
    description = TextColumn("i.description")
    quantity = NumberColumn("i.quantity")
    fulfilled = NumberColumn("i.fulfilled")
    canceled = NumberColumn("i.canceled")
    returned = NumberColumn("i.returned")
    currency = Column("upper(o.currency)")
    unit_price = AmountColumn("i.unit_price * u.unit")
    amount = AmountColumn("i.amount * u.unit")
    discount = AmountColumn("i.discount * u.unit")
    tax = AmountColumn("i.tax * u.unit")
    carriers = TextColumn("sent.carriers")
    tracking_numbers = TextColumn("sent.tracking_numbers")
