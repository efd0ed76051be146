"""Payments are found by Stripe's charge, by their amount, and by the last four digits of the card."""

import django.contrib.postgres.indexes
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    """Adds the column, and indexes without locking the tables."""

    atomic = False
    dependencies = [("billing", "0016_customer_updates")]
    operations = [
        migrations.AddField(
            "payment",
            "stripe_charge_id",
            models.CharField(blank=True, db_default="", default="", max_length=255, verbose_name="Stripe charge"),
        ),
        AddIndexConcurrently(
            "payment",
            models.Index(
                django.contrib.postgres.indexes.OpClass(models.F("stripe_charge_id"), name="varchar_pattern_ops"),
                condition=~models.Q(stripe_charge_id=""),
                name="payment_charge",
            ),
        ),
        AddIndexConcurrently("payment", models.Index(fields=["amount"], name="payment_amount_search")),
        AddIndexConcurrently("card", models.Index(fields=["last4"], name="card_last4")),
    ]
