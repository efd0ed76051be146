# When the stock of a SKU is low, and the triggers that tell of customers, stock and returns of whole orders.

from django.db import migrations, models

from backoffice.activity.tracking import install_sql
from ecommerce.tracked import SHOP_SETTINGS, SKU
from ecommerce.webhooks.row_triggers import REMOVE_SEQUENCE, ROW_TRIGGERS, SEQUENCE


class Migration(migrations.Migration):

    dependencies = [
        ('ecommerce', '0055_webhook_triggers'),
    ]

    operations = [
        migrations.AddField(
            model_name='shopsettings',
            name='low_stock_at',
            field=models.PositiveIntegerField(db_default=5, default=5, help_text='With so many left of a SKU, or fewer, its stock is low. A SKU may have a number of its own.', verbose_name='low stock at'),
        ),
        migrations.AddField(
            model_name='sku',
            name='low_stock_at',
            field=models.PositiveIntegerField(blank=True, help_text="With so many left, or fewer, its stock is low. Empty: as the shop's settings say.", null=True, verbose_name='low stock at'),
        ),
        migrations.AddField(
            model_name='webhookdelivery',
            name='request_headers',
            field=models.JSONField(db_default={}, default=dict, editable=False),
        ),
        migrations.AddIndex(
            model_name='webhookdelivery',
            index=models.Index(fields=['stream', 'id'], name='webhook_delivery_of'),
        ),
        migrations.AddIndex(
            model_name='webhookdelivery',
            index=models.Index(condition=models.Q(('status', 'delivered')), fields=['endpoint', 'delivered_at'], name='webhook_delivered'),
        ),
        migrations.AddIndex(
            model_name='webhookdelivery',
            index=models.Index(condition=models.Q(('status__in', ('failed', 'canceled'))), fields=['status', 'id'], name='webhook_undelivered'),
        ),
        *(migrations.RunSQL(install_sql(each), migrations.RunSQL.noop) for each in (SKU, SHOP_SETTINGS)),
        migrations.RunSQL(SEQUENCE, REMOVE_SEQUENCE),
        *(migrations.RunSQL(each.install_sql(), each.remove_sql()) for each in ROW_TRIGGERS),
    ]
