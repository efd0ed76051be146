"""Stripe is told of changed e-mails; cards and payments say whether the customer gave them."""

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

CREATED = ("by_customer", models.BooleanField(default=False, editable=False, verbose_name="by the customer"))


class Migration(migrations.Migration):
    """Adds the table and two columns."""

    dependencies = [("billing", "0015_look_up_again"), ("customers", "0004_email_keys_unique")]
    operations = [
        migrations.AddField("card", *CREATED),
        migrations.AddField("payment", *CREATED),
        migrations.CreateModel(
            "CustomerUpdate",
            [
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("generation", models.PositiveIntegerField(default=1)),
                ("attempts", models.PositiveIntegerField(default=0, verbose_name="attempts")),
                (
                    "next_attempt_at",
                    models.DateTimeField(
                        blank=True, default=django.utils.timezone.now, null=True, verbose_name="next attempt"
                    ),
                ),
                ("requested_at", models.DateTimeField(default=django.utils.timezone.now, verbose_name="requested")),
                ("error", models.TextField(blank=True, verbose_name="error")),
                (
                    "customer",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="customers.customer",
                        verbose_name="customer",
                    ),
                ),
            ],
            options={
                "verbose_name": "change of a customer at Stripe",
                "verbose_name_plural": "changes of customers at Stripe",
                "indexes": [
                    models.Index(
                        condition=models.Q(("next_attempt_at__isnull", False)),
                        fields=["next_attempt_at"],
                        name="customer_update_due",
                    )
                ],
            },
        ),
    ]
