# The columns of taxes, discounts by hand and custom lines. Constraints on existing tables are validated by the next
# migration, so that no table is locked while its rows are read.

import django.db.models.deletion
import django.db.models.expressions
from django.contrib.postgres.operations import AddConstraintNotValid
from django.db import migrations, models


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
            ],
            options={
                'verbose_name': 'tax line',
                'verbose_name_plural': 'tax lines',
                'default_permissions': (),
            },
        ),
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
        # As Django alters it, every row's foreign key would be checked again under a lock.
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(
                    "ALTER TABLE ecommerce_orderitem ALTER COLUMN sku_id DROP NOT NULL",
                    "ALTER TABLE ecommerce_orderitem ALTER COLUMN sku_id SET NOT NULL",
                )
            ],
            state_operations=[
                migrations.AlterField(
                    model_name='orderitem',
                    name='sku',
                    field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='ecommerce.sku', verbose_name='SKU'),
                ),
            ],
        ),
        migrations.AlterField(
            model_name='orderitem',
            name='sku_code',
            field=models.CharField(blank=True, max_length=100, verbose_name='SKU'),
        ),
        AddConstraintNotValid(
            model_name='order',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('prices_include_tax', False), ('total', django.db.models.expressions.CombinedExpression(django.db.models.expressions.CombinedExpression(django.db.models.expressions.CombinedExpression(models.F('subtotal'), '-', models.F('discount')), '+', models.F('shipping')), '+', models.F('tax')))), models.Q(('prices_include_tax', True), ('total', django.db.models.expressions.CombinedExpression(django.db.models.expressions.CombinedExpression(models.F('subtotal'), '-', models.F('discount')), '+', models.F('shipping')))), _connector='OR'), name='order_adds_up'),
        ),
        AddConstraintNotValid(
            model_name='order',
            constraint=models.CheckConstraint(condition=models.Q(('manual_discount__lte', models.F('discount'))), name='order_manual_discount'),
        ),
        AddConstraintNotValid(
            model_name='order',
            constraint=models.CheckConstraint(condition=models.Q(('shipping_tax__lte', models.F('tax'))), name='order_shipping_tax'),
        ),
        AddConstraintNotValid(
            model_name='orderitem',
            constraint=models.CheckConstraint(condition=models.Q(('discount__lte', models.F('amount')), ('manual_discount__lte', models.F('discount'))), name='order_item_discount'),
        ),
        migrations.AddField(
            model_name='taxline',
            name='item',
            field=models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='tax_lines', to='ecommerce.orderitem'),
        ),
        migrations.AddField(
            model_name='taxline',
            name='order',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='tax_lines', to='ecommerce.order'),
        ),
    ]
