"""Where a SKU lies in the warehouse."""

from django.db import migrations, models

from backoffice.activity.tracking import install_sql
from ecommerce.tracked import SKU


class Migration(migrations.Migration):

    dependencies = [
        ('ecommerce', '0060_messages'),
    ]

    operations = [
        migrations.AddField(
            model_name='sku',
            name='bin',
            field=models.CharField(blank=True, db_default='', default='', help_text='Where it lies in the warehouse, for example A-03-2. Pick lists and packing slips go by it.', max_length=30, verbose_name='bin'),
        ),
        migrations.RunSQL(install_sql(SKU), migrations.RunSQL.noop),
    ]
