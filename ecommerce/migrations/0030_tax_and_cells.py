# The columns of taxes, discounts by hand and custom lines. Constraints on existing tables are validated by the next
# migration, so that no table is locked while its rows are read.

import django.db.models.deletion
import django.db.models.expressions
from django.db import migrations, models

# One statement a table. The CHECKs are validated by the next migration: as Django adds a positive column, all rows are
# read under a lock that stops everybody, and as it alters a foreign key, each is checked again.
COLUMNS = """
ALTER TABLE ecommerce_order DROP CONSTRAINT order_adds_up,
    ADD COLUMN discount_reason varchar(200) DEFAULT '' NOT NULL,
    ADD COLUMN manual_discount bigint DEFAULT 0 NOT NULL,
    ADD COLUMN prices_include_tax boolean DEFAULT false NOT NULL,
    ADD COLUMN shipping_name varchar(100) DEFAULT '' NOT NULL,
    ADD COLUMN shipping_tax bigint DEFAULT 0 NOT NULL,
    ADD CONSTRAINT ecommerce_order_manual_discount_check CHECK (manual_discount >= 0) NOT VALID,
    ADD CONSTRAINT ecommerce_order_shipping_tax_check CHECK (shipping_tax >= 0) NOT VALID,
    ADD CONSTRAINT order_adds_up CHECK (
        NOT prices_include_tax AND total = subtotal - discount + shipping + tax
        OR prices_include_tax AND total = subtotal - discount + shipping
    ) NOT VALID,
    ADD CONSTRAINT order_manual_discount CHECK (manual_discount <= discount) NOT VALID,
    ADD CONSTRAINT order_shipping_tax CHECK (shipping_tax <= tax) NOT VALID;
ALTER TABLE ecommerce_orderitem ALTER COLUMN sku_id DROP NOT NULL,
    ADD COLUMN discount bigint DEFAULT 0 NOT NULL,
    ADD COLUMN manual_discount bigint DEFAULT 0 NOT NULL,
    ADD COLUMN shippable boolean DEFAULT true NOT NULL,
    ADD COLUMN tax bigint DEFAULT 0 NOT NULL,
    ADD COLUMN tax_category varchar(20) DEFAULT 'standard' NOT NULL,
    ADD CONSTRAINT ecommerce_orderitem_discount_check CHECK (discount >= 0) NOT VALID,
    ADD CONSTRAINT ecommerce_orderitem_manual_discount_check CHECK (manual_discount >= 0) NOT VALID,
    ADD CONSTRAINT ecommerce_orderitem_tax_check CHECK (tax >= 0) NOT VALID,
    ADD CONSTRAINT order_item_discount CHECK (discount <= amount AND manual_discount <= discount) NOT VALID;
"""
# A constraint goes with its columns.
DROP_COLUMNS = """
ALTER TABLE ecommerce_orderitem ALTER COLUMN sku_id SET NOT NULL, DROP COLUMN discount, DROP COLUMN manual_discount,
    DROP COLUMN shippable, DROP COLUMN tax, DROP COLUMN tax_category;
ALTER TABLE ecommerce_order DROP COLUMN discount_reason, DROP COLUMN manual_discount, DROP COLUMN prices_include_tax,
    DROP COLUMN shipping_name, DROP COLUMN shipping_tax,
    ADD CONSTRAINT order_adds_up CHECK (total = subtotal - discount + shipping + tax);
"""


class Migration(migrations.Migration):

    dependencies = [
        ('billing', '0023_tax_and_cells'),
        ('customers', '0009_user_time_zone'),
        ('ecommerce', '0029_taxes_in_activity'),
    ]

    operations = [
        migrations.CreateModel(
            name='TaxLine',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('country', models.CharField(blank=True, max_length=2, verbose_name='country')),
                ('region', models.CharField(blank=True, max_length=50, verbose_name='region')),
                ('name', models.CharField(max_length=100, verbose_name='name')),
                ('rate', models.DecimalField(decimal_places=4, max_digits=7, verbose_name='rate')),
                ('category', models.CharField(max_length=2, verbose_name='category')),
                ('reason', models.CharField(blank=True, max_length=200, verbose_name='reason')),
                ('taxable', models.PositiveBigIntegerField(verbose_name='taxable amount')),
                ('amount', models.PositiveBigIntegerField(verbose_name='tax')),
                ('included', models.BooleanField(default=False, verbose_name='included in the price')),
                ('source', models.CharField(choices=[('table', 'Tax rates'), ('stripe', 'Stripe Tax')], default='table', max_length=10, verbose_name='source')),
                ('item', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='tax_lines', to='ecommerce.orderitem')),
                ('order', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='tax_lines', to='ecommerce.order')),
            ],
            options={
                'verbose_name': 'tax line',
                'verbose_name_plural': 'tax lines',
                'default_permissions': (),
            },
        ),
        # All at once and last, so that no table is locked for longer than these statements take.
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(COLUMNS, DROP_COLUMNS)],
            state_operations=[
                migrations.AlterModelOptions(
                    name='order',
                    options={'permissions': [('fulfill_order', 'Can fulfill orders'), ('fulfill_attention_order', 'Can fulfill orders that need attention'), ('cancel_order', 'Can cancel orders'), ('return_order', 'Can return orders'), ('export_order', 'Can export orders'), ('discount_order', 'Can give discounts by hand'), ('override_shipping', 'Can change the price of shipping')], 'verbose_name': 'order', 'verbose_name_plural': 'orders'},
                ),
                migrations.RemoveConstraint(
                    model_name='order',
                    name='order_adds_up',
                ),
                migrations.AddField(
                    model_name='order',
                    name='discount_reason',
                    field=models.CharField(blank=True, db_default='', default='', max_length=200, verbose_name='reason'),
                ),
                migrations.AddField(
                    model_name='order',
                    name='manual_discount',
                    field=models.PositiveBigIntegerField(db_default=0, default=0, verbose_name='discount by hand'),
                ),
                migrations.AddField(
                    model_name='order',
                    name='prices_include_tax',
                    field=models.BooleanField(db_default=False, default=False, verbose_name='prices include tax'),
                ),
                migrations.AddField(
                    model_name='order',
                    name='shipping_name',
                    field=models.CharField(blank=True, db_default='', default='', max_length=100, verbose_name='shipping method'),
                ),
                migrations.AddField(
                    model_name='order',
                    name='shipping_tax',
                    field=models.PositiveBigIntegerField(db_default=0, default=0, verbose_name='tax on shipping'),
                ),
                migrations.AddField(
                    model_name='orderitem',
                    name='discount',
                    field=models.PositiveBigIntegerField(db_default=0, default=0, verbose_name='discount'),
                ),
                migrations.AddField(
                    model_name='orderitem',
                    name='manual_discount',
                    field=models.PositiveBigIntegerField(db_default=0, default=0, verbose_name='discount by hand'),
                ),
                migrations.AddField(
                    model_name='orderitem',
                    name='shippable',
                    field=models.BooleanField(db_default=True, default=True, verbose_name='shippable'),
                ),
                migrations.AddField(
                    model_name='orderitem',
                    name='tax',
                    field=models.PositiveBigIntegerField(db_default=0, default=0, verbose_name='tax'),
                ),
                migrations.AddField(
                    model_name='orderitem',
                    name='tax_category',
                    field=models.CharField(db_default='standard', default='standard', max_length=20, verbose_name='tax category'),
                ),
                migrations.AlterField(
                    model_name='orderitem',
                    name='sku',
                    field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='ecommerce.sku', verbose_name='SKU'),
                ),
                migrations.AlterField(
                    model_name='orderitem',
                    name='sku_code',
                    field=models.CharField(blank=True, max_length=100, verbose_name='SKU'),
                ),
                migrations.AddConstraint(
                    model_name='order',
                    constraint=models.CheckConstraint(condition=models.Q(models.Q(('prices_include_tax', False), ('total', django.db.models.expressions.CombinedExpression(django.db.models.expressions.CombinedExpression(django.db.models.expressions.CombinedExpression(models.F('subtotal'), '-', models.F('discount')), '+', models.F('shipping')), '+', models.F('tax')))), models.Q(('prices_include_tax', True), ('total', django.db.models.expressions.CombinedExpression(django.db.models.expressions.CombinedExpression(models.F('subtotal'), '-', models.F('discount')), '+', models.F('shipping')))), _connector='OR'), name='order_adds_up'),
                ),
                migrations.AddConstraint(
                    model_name='order',
                    constraint=models.CheckConstraint(condition=models.Q(('manual_discount__lte', models.F('discount'))), name='order_manual_discount'),
                ),
                migrations.AddConstraint(
                    model_name='order',
                    constraint=models.CheckConstraint(condition=models.Q(('shipping_tax__lte', models.F('tax'))), name='order_shipping_tax'),
                ),
                migrations.AddConstraint(
                    model_name='orderitem',
                    constraint=models.CheckConstraint(condition=models.Q(('discount__lte', models.F('amount')), ('manual_discount__lte', models.F('discount'))), name='order_item_discount'),
                ),
            ],
        ),
    ]
