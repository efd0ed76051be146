# The fees kept of an order's refunds; the next migration checks the existing rows.

from django.db import migrations, models

COLUMNS = """
ALTER TABLE ecommerce_order DROP CONSTRAINT order_refunded,
    ADD COLUMN fees_kept bigint DEFAULT 0 NOT NULL,
    ADD CONSTRAINT ecommerce_order_fees_kept_check CHECK (fees_kept >= 0) NOT VALID,
    ADD CONSTRAINT order_refunded CHECK (amount_refunded <= total - fees_kept) NOT VALID;
"""
DROP_COLUMNS = """
ALTER TABLE ecommerce_order DROP CONSTRAINT order_refunded, DROP COLUMN fees_kept,
    ADD CONSTRAINT order_refunded CHECK (amount_refunded <= total);
"""


class Migration(migrations.Migration):

    dependencies = [("ecommerce", "0048_packing"), ("billing", "0029_refund_fees")]
    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(COLUMNS, DROP_COLUMNS)],
            state_operations=[
                migrations.RemoveConstraint(model_name="order", name="order_refunded"),
                migrations.AddField(
                    model_name="order",
                    name="fees_kept",
                    field=models.PositiveBigIntegerField(db_default=0, default=0, editable=False, verbose_name="fees kept"),
                ),
                migrations.AddConstraint(
                    model_name="order",
                    constraint=models.CheckConstraint(condition=models.Q(("amount_refunded__lte", models.expressions.CombinedExpression(models.F("total"), "-", models.F("fees_kept")))), name="order_refunded"),
                ),
            ],
        ),
    ]
