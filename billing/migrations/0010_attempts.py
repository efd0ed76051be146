"""Name the columns of leased rows as a reader expects: attempts, and when the next one is due."""

import django.utils.timezone
from django.db import migrations, models
from django.db.models import Q

OPERATIONS = [("payment", "payment_due"), ("refund", "refund_due"), ("webhookevent", "webhook_due")]


def renamed(model, index):
    due = models.DateTimeField("next attempt", null=True, blank=True, default=django.utils.timezone.now)
    attempts = models.PositiveIntegerField("attempts", default=0)
    if model != "webhookevent":
        due.editable = attempts.editable = False
    return [
        migrations.RemoveIndex(model, index),
        migrations.RenameField(model, "due", "next_attempt_at"),
        migrations.RenameField(model, "tries", "attempts"),
        migrations.AlterField(model, "next_attempt_at", due),
        migrations.AlterField(model, "attempts", attempts),
        migrations.AddIndex(
            model, models.Index(fields=["next_attempt_at"], condition=Q(next_attempt_at__isnull=False), name=index)
        ),
    ]


class Migration(migrations.Migration):
    dependencies = [("billing", "0009_card_fingerprint")]

    operations = [
        *(operation for model, index in OPERATIONS for operation in renamed(model, index)),
        migrations.RenameField("reconciliation", "due", "next_attempt_at"),
        migrations.AddField("reconciliation", "attempts", models.PositiveIntegerField(default=0)),
    ]
