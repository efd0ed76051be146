"""Name the columns of leased rows as a reader expects: attempts, and when the next one is due."""

from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [("ecommerce", "0011_lighter_history"), ("billing", "0010_attempts")]

    operations = [
        migrations.RemoveIndex("bulkjobslice", "slice_due"),
        migrations.RenameField("bulkjobslice", "due", "next_attempt_at"),
        migrations.RenameField("bulkjobslice", "claims", "attempts"),
        migrations.RenameField("bulkjobitem", "claims", "attempts"),
        migrations.AddIndex(
            "bulkjobslice",
            models.Index(
                fields=["job", "next_attempt_at"], condition=Q(next_attempt_at__isnull=False), name="slice_due"
            ),
        ),
    ]
