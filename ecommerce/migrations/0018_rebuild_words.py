"""Rebuild the words of existing orders, batch by batch, and index what else orders are found by."""

import itertools
from typing import Any

import django.contrib.postgres.indexes
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import connections, migrations, models, transaction

import customers.search

BATCH = 2_000
# No customer of the batch is renamed meanwhile: the rename's own words would be written over.
LOCK = """
SELECT 1 FROM customers_customer WHERE id IN (SELECT customer_id FROM ecommerce_order WHERE id BETWEEN %s AND %s)
ORDER BY id FOR SHARE
"""
WRITE = """
SELECT ecommerce_write_words(array_agg(id)) FROM ecommerce_order WHERE id BETWEEN %s AND %s HAVING count(*) > 0
"""
NEXT = "SELECT max(id) FROM (SELECT id FROM ecommerce_order WHERE id > %s ORDER BY id LIMIT %s) AS batch"


def rebuild(apps: Any, schema_editor: Any) -> None:
    alias = schema_editor.connection.alias
    last = 0
    for _batch in itertools.count():
        with transaction.atomic(using=alias), connections[alias].cursor() as cursor:
            cursor.execute("SET LOCAL statement_timeout TO 0")
            cursor.execute(NEXT, [last, BATCH])
            (until,) = cursor.fetchone()
            if until is None:
                return
            cursor.execute(LOCK, [last + 1, until])
            cursor.execute(WRITE, [last + 1, until])
        last = until


class Migration(migrations.Migration):
    """Can be run again where it was interrupted."""

    atomic = False
    dependencies = [("ecommerce", "0017_order_words")]
    operations = [
        migrations.RunPython(rebuild, migrations.RunPython.noop),
        AddIndexConcurrently("order", models.Index(fields=["total"], name="order_total")),
        AddIndexConcurrently(
            "fulfillment",
            models.Index(
                django.contrib.postgres.indexes.OpClass(
                    customers.search.Code("tracking_number"), name="text_pattern_ops"
                ),
                condition=~models.Q(tracking_number=""),
                name="fulfillment_tracking",
            ),
        ),
    ]
