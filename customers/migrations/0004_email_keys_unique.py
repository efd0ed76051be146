"""The keys of e-mails are unique. In a transaction of its own: PostgreSQL alters no table with rows just written."""

import django.contrib.postgres.indexes
from django.db import migrations, models


class Migration(migrations.Migration):
    """Adds the constraints and the index."""

    dependencies = [("customers", "0003_one_meaning_of_the_same_email")]
    operations = [
        migrations.AddConstraint(
            "user",
            models.UniqueConstraint(
                condition=models.Q(("email_key", ""), _negated=True),
                fields=("email_key",),
                name="user_email_unique",
                violation_error_message="Another user has this e-mail.",
            ),
        ),
        migrations.AddConstraint(
            "customer",
            models.UniqueConstraint(
                fields=("email_key",),
                name="customer_email_unique",
                violation_error_message="Another customer has this e-mail.",
            ),
        ),
        migrations.AddIndex(
            "customer",
            models.Index(
                django.contrib.postgres.indexes.OpClass("email_key", name="text_pattern_ops"),
                name="customer_email_begins",
            ),
        ),
    ]
