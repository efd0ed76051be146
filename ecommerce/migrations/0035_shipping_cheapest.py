# As Django adds a positive column, all orders are read under a lock that stops everybody.

from django.contrib.postgres.operations import ValidateConstraint
from django.db import migrations, models

COLUMN = """
ALTER TABLE ecommerce_order ADD COLUMN shipping_cheapest bigint,
    ADD CONSTRAINT ecommerce_order_shipping_cheapest_check CHECK (shipping_cheapest >= 0) NOT VALID
"""


class Migration(migrations.Migration):

    atomic = False
    dependencies = [
        ('ecommerce', '0034_stripe_tax'),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(COLUMN, "ALTER TABLE ecommerce_order DROP COLUMN shipping_cheapest")
            ],
            state_operations=[
                migrations.AddField(
                    model_name='order',
                    name='shipping_cheapest',
                    field=models.PositiveBigIntegerField(blank=True, editable=False, null=True),
                ),
            ],
        ),
        ValidateConstraint("order", "ecommerce_order_shipping_cheapest_check"),
    ]
