# Records what existing orders had sent, canceled and returned, in batches, each in a transaction of its own, so that
# orders are placed and sent meanwhile.

import django.contrib.postgres.indexes
import django.db.models.deletion
from django.contrib.postgres.operations import AddIndexConcurrently, ValidateConstraint
from django.db import migrations, models, transaction

BATCH = 2_000
# A parcel of the old kind held all items that are shipped.
SENT = """
INSERT INTO ecommerce_fulfillmentitem (fulfillment_id, item_id, quantity)
SELECT f.id, i.id, i.quantity - i.fulfilled - i.canceled
FROM ecommerce_order o JOIN ecommerce_fulfillment f ON f.order_id = o.id JOIN ecommerce_orderitem i ON i.order_id = o.id
WHERE o.id > %s AND o.id <= %s AND o.status IN ('fulfilled', 'returned') AND f.voided_at IS NULL
  AND i.shippable AND i.quantity > i.fulfilled + i.canceled
ON CONFLICT DO NOTHING
"""
CANCELED = """
UPDATE ecommerce_orderitem i SET canceled = i.quantity FROM ecommerce_order o
WHERE o.id > %s AND o.id <= %s AND o.id = i.order_id AND o.status = 'canceled' AND i.canceled = 0
"""
RETURNED = """
INSERT INTO ecommerce_return (order_id, status, reason, note, answer, is_withdrawal, requested_at, approved_at,
    received_at, closed_at, by_kind, by_user_id, by_label)
SELECT o.id, 'closed', left(COALESCE(a.reason, ''), 200), '', '', false, COALESCE(a.requested_at, o.returned_at),
    COALESCE(a.requested_at, o.returned_at), o.returned_at, o.returned_at,
    COALESCE(a.by_kind, 'system'), a.by_user_id, COALESCE(a.by_label, '')
FROM ecommerce_order o
LEFT JOIN LATERAL (
    SELECT * FROM ecommerce_orderact a WHERE a.order_id = o.id AND a.kind = 'return' AND a.outcome = 'done'
    ORDER BY a.id DESC LIMIT 1
) a ON true
WHERE o.id > %s AND o.id <= %s AND o.status = 'returned'
  AND NOT EXISTS (SELECT FROM ecommerce_return r WHERE r.order_id = o.id)
ORDER BY o.id
"""
CAME_BACK = """
INSERT INTO ecommerce_returnitem (order_return_id, item_id, quantity, received, condition, restock)
SELECT r.id, i.id, i.fulfilled, i.fulfilled, 'resellable', COALESCE(a.restock, true)
FROM ecommerce_order o JOIN ecommerce_return r ON r.order_id = o.id AND r.status = 'closed'
JOIN ecommerce_orderitem i ON i.order_id = o.id
LEFT JOIN LATERAL (
    SELECT restock FROM ecommerce_orderact a WHERE a.order_id = o.id AND a.kind = 'return' AND a.outcome = 'done'
    ORDER BY a.id DESC LIMIT 1
) a ON true
WHERE o.id > %s AND o.id <= %s AND o.status = 'returned' AND i.fulfilled > i.returned
ON CONFLICT DO NOTHING
"""


def count_what_was_sent(apps, schema_editor):
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        cursor.execute("SELECT COALESCE(max(id), 0) FROM ecommerce_order")
        (last,) = cursor.fetchone()
        for start in range(0, last, BATCH):
            with transaction.atomic():
                for statement in (SENT, CANCELED, RETURNED, CAME_BACK):
                    cursor.execute(statement, [start, start + BATCH])


class Migration(migrations.Migration):

    atomic = False
    dependencies = [("ecommerce", "0037_parcels_and_returns")]
    operations = [
        ValidateConstraint("order", "order_partly_fulfilled_is_paid"),
        ValidateConstraint("order", "order_hold_reason"),
        ValidateConstraint("orderitem", "ecommerce_orderitem_fulfilled_check"),
        ValidateConstraint("orderitem", "ecommerce_orderitem_canceled_check"),
        ValidateConstraint("orderitem", "ecommerce_orderitem_returned_check"),
        ValidateConstraint("orderitem", "order_item_fulfilled"),
        ValidateConstraint("orderitem", "order_item_returned"),
        ValidateConstraint("orderact", "act_of_return_exists"),
        AddIndexConcurrently(
            model_name='fulfillment',
            index=django.contrib.postgres.indexes.GinIndex(condition=models.Q(('further_tracking_numbers', []), _negated=True), fields=['further_tracking_numbers'], name='fulfillment_further_numbers'),
        ),
        AddIndexConcurrently(
            model_name='order',
            index=models.Index(condition=models.Q(('fulfillment_state', ''), _negated=True), fields=['id'], name='order_partly_fulfilled'),
        ),
        AddIndexConcurrently(
            model_name='order',
            index=models.Index(condition=models.Q(('on_hold', True)), fields=['id'], name='order_on_hold'),
        ),
        AddIndexConcurrently(
            model_name='order',
            index=models.Index(condition=models.Q(('assignee__isnull', False)), fields=['assignee', 'id'], name='order_assignee'),
        ),
        AddIndexConcurrently(
            model_name='orderact',
            index=models.Index(condition=models.Q(('order_return__isnull', False)), fields=['order_return'], name='act_of_return'),
        ),
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(
                    "CREATE INDEX CONCURRENTLY ecommerce_fulfillment_order_id ON ecommerce_fulfillment (order_id)",
                    "DROP INDEX ecommerce_fulfillment_order_id",
                ),
                migrations.RunSQL(
                    "ALTER TABLE ecommerce_fulfillment DROP CONSTRAINT ecommerce_fulfillment_order_id_key",
                    "ALTER TABLE ecommerce_fulfillment ADD CONSTRAINT ecommerce_fulfillment_order_id_key UNIQUE (order_id)",
                ),
            ],
            state_operations=[
                migrations.AlterField(
                    model_name='fulfillment',
                    name='order',
                    field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='fulfillments', to='ecommerce.order', verbose_name='order'),
                ),
            ],
        ),
        migrations.RunPython(count_what_was_sent, migrations.RunPython.noop),
    ]
