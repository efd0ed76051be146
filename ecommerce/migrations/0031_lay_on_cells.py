# Lays the discounts of existing orders on their items, and what was refunded on the lines of their invoices: in batches,
# each in a transaction of its own, so that orders are placed and refunded meanwhile.

import json
from itertools import groupby
from operator import itemgetter

from django.contrib.postgres.operations import ValidateConstraint
from django.db import migrations, transaction

from billing import money
from ecommerce.pricing.allocation import allocate
from ecommerce.pricing.refunds import Cells, OrderCells, nothing, refund_of_amount

BATCH = 2_000
STEPS = " ".join(
    f"WHEN '{code}' THEN {money.currency(code).step}"
    for code, _label in money.supported()
    if money.currency(code).step > 1
)

# By largest remainder, the earlier of two, in the currency's step: as ecommerce.pricing.allocation does. In numeric, since
# the product of two amounts in rupiah is more than a bigint holds.
SHARE_DISCOUNT = """
WITH exact AS (
    SELECT l.id, l.{parent}_id AS parent, s.step, p.discount / s.step AS steps,
           div((p.discount / s.step)::numeric * l.amount, p.subtotal)::bigint AS whole,
           mod((p.discount / s.step)::numeric * l.amount, p.subtotal) AS rest
    FROM {lines} l JOIN {parents} p ON p.id = l.{parent}_id
    CROSS JOIN LATERAL (SELECT CASE p.currency {steps} ELSE 1 END AS step) s
    WHERE p.id > %s AND p.id <= %s AND p.discount > 0
), shares AS (
    SELECT id, step, whole, row_number() OVER (PARTITION BY parent ORDER BY rest DESC, id) AS place,
           steps - sum(whole) OVER (PARTITION BY parent) AS missing
    FROM exact
)
UPDATE {lines} l SET discount = (s.whole + CASE WHEN s.place <= s.missing THEN 1 ELSE 0 END) * s.step
FROM shares s WHERE s.id = l.id
"""
UNSHIPPABLE = """
UPDATE ecommerce_orderitem i SET shippable = false
FROM ecommerce_sku s JOIN ecommerce_product p ON p.id = s.product_id
WHERE i.id > %s AND i.id <= %s AND s.id = i.sku_id AND NOT p.shippable
"""
# A refund of the whole payment gives back every line; of a payment that had been given up, no line was paid.
WHOLE = """
INSERT INTO billing_refundallocation (refund_id, invoice_line_id, quantity, amount)
SELECT r.id, l.id, l.quantity, l.amount - l.discount
FROM billing_refund r JOIN billing_payment p ON p.id = r.payment_id JOIN billing_invoiceline l ON l.invoice_id = p.invoice_id
WHERE r.id > %s AND r.id <= %s AND r.status <> 'failed' AND p.status = 'succeeded' AND r.amount = p.amount
ON CONFLICT DO NOTHING
"""
PARTIAL = """
SELECT r.id, r.amount, p.invoice_id, r.currency, o.id, COALESCE(a.lines, '[]')
FROM billing_refund r JOIN billing_payment p ON p.id = r.payment_id
LEFT JOIN ecommerce_order o ON o.invoice_id = p.invoice_id
LEFT JOIN ecommerce_orderact a ON a.refund_id = r.id
WHERE r.id > %s AND r.id <= %s AND r.status <> 'failed' AND p.status = 'succeeded' AND r.amount < p.amount
  AND NOT EXISTS (SELECT FROM billing_refundallocation b WHERE b.refund_id = r.id)
ORDER BY r.id
"""
LEFT = """
SELECT invoice_id, id, amount - discount - refunded, quantity - refunded_quantity FROM billing_invoiceline
WHERE invoice_id = ANY(%s) ORDER BY invoice_id, id
"""
INSERT = """
INSERT INTO billing_refundallocation (refund_id, invoice_line_id, quantity, amount)
SELECT * FROM unnest(%s::bigint[], %s::bigint[], %s::int[], %s::bigint[])
"""


def in_batches(schema_editor, table, *statements):
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        cursor.execute(f"SELECT COALESCE(max(id), 0) FROM {table}")
        (last,) = cursor.fetchone()
        for start in range(0, last, BATCH):
            with transaction.atomic():
                for statement in statements:
                    bounds = [start, start + BATCH]
                    statement(cursor, bounds) if callable(statement) else cursor.execute(statement, bounds)


def share_discounts(apps, schema_editor):
    for lines, parents, parent in (
        ("ecommerce_orderitem", "ecommerce_order", "order"),
        ("billing_invoiceline", "billing_invoice", "invoice"),
    ):
        sql = SHARE_DISCOUNT.format(lines=lines, parents=parents, parent=parent, steps=STEPS)
        in_batches(schema_editor, parents, sql)
    in_batches(schema_editor, "ecommerce_orderitem", UNSHIPPABLE)


def allocate_refunds(apps, schema_editor):
    in_batches(schema_editor, "billing_refund", WHOLE, allocate_partial_refunds)


def allocate_partial_refunds(cursor, bounds):
    cursor.execute(PARTIAL, bounds)
    refunds = cursor.fetchall()
    left = read_left(cursor, [invoice for _refund, _amount, invoice, *_others in refunds])
    items_of = read_items(cursor, [order for *_others, order, _items in refunds])
    rows = []
    for refund, amount, invoice, currency, order, items in refunds:
        lines, cells = left[invoice]
        units = wanted_units(items, items_of.get(order, []))
        back = whole_or_items(cells, amount, currency, units) or refund_of_amount(cells, amount, currency=currency)
        # What the next refund of the same invoice finds.
        left[invoice] = lines, cells.less(back)
        given = zip(lines, back.items, strict=True)
        rows += [(refund, line, each.units, each.goods) for line, each in given if each.goods or each.units]
    columns = [list(column) for column in zip(*rows, strict=True)]
    if columns:
        cursor.execute(INSERT, columns)


def read_left(cursor, invoices):
    """Return the lines of each invoice, and what is left of them."""
    cursor.execute(LEFT, [invoices])
    left = {}
    for invoice, lines in groupby(cursor.fetchall(), key=itemgetter(0)):
        rows = list(lines)
        cells = tuple(Cells(goods=goods, units=units) for _invoice, _line, goods, units in rows)
        left[invoice] = [row[1] for row in rows], OrderCells(items=cells, shipping=Cells(goods=0))
    return left


def read_items(cursor, orders):
    """Return the ids of each order's items."""
    cursor.execute("SELECT order_id, array_agg(id ORDER BY id) FROM ecommerce_orderitem"
                   " WHERE order_id = ANY(%s) GROUP BY 1", [orders])  # fmt: skip
    return dict(cursor.fetchall())


def wanted_units(items, ids):
    """Return the quantities that an act names, in the order of the order's items."""
    items = items if isinstance(items, list) else json.loads(items)
    return [sum(quantity for pk, quantity in items if pk == own) for own in ids]


def whole_or_items(left, amount, currency, units):
    """Return the items that a refund of a known amount gave back; None where it was one of an amount alone."""
    if amount == left.total:
        return left
    if not any(units) or len(units) != len(left.items):
        return None
    units = [min(wanted, cells.units) for wanted, cells in zip(units, left.items, strict=True)]
    weights = [
        cells.goods * wanted // cells.units if wanted else 0 for wanted, cells in zip(units, left.items, strict=True)
    ]
    bounds = [cells.goods if wanted else 0 for wanted, cells in zip(units, left.items, strict=True)]
    if sum(bounds) < amount or not sum(weights):
        return None
    shares = allocate(amount, weights, currency, at_most=bounds)
    given = tuple(Cells(goods=share, units=wanted) for share, wanted in zip(shares, units, strict=True))
    return OrderCells(items=given, shipping=nothing(left.shipping))


class Migration(migrations.Migration):

    atomic = False
    dependencies = [("ecommerce", "0030_tax_and_cells"), ("billing", "0024_validate_cells")]
    operations = [
        ValidateConstraint("order", "ecommerce_order_manual_discount_check"),
        ValidateConstraint("order", "ecommerce_order_shipping_tax_check"),
        ValidateConstraint("orderitem", "ecommerce_orderitem_discount_check"),
        ValidateConstraint("orderitem", "ecommerce_orderitem_manual_discount_check"),
        ValidateConstraint("orderitem", "ecommerce_orderitem_tax_check"),
        ValidateConstraint("order", "order_adds_up"),
        ValidateConstraint("order", "order_manual_discount"),
        ValidateConstraint("order", "order_shipping_tax"),
        ValidateConstraint("orderitem", "order_item_discount"),
        migrations.RunPython(share_discounts, migrations.RunPython.noop),
        migrations.RunPython(allocate_refunds, migrations.RunPython.noop),
        # From here on, the discount of a line is history as well.
        migrations.RunSQL(
            """
            DROP TRIGGER keep_history ON billing_invoiceline;
            CREATE TRIGGER keep_history BEFORE DELETE OR UPDATE OF invoice_id, sku_code, description, quantity,
                unit_price, amount, discount, manual_discount, tax, prices_include_tax ON billing_invoiceline
                FOR EACH ROW EXECUTE FUNCTION billing_refuse_change();
            """,
            migrations.RunSQL.noop,
        ),
    ]
