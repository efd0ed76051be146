"""A bulk job names the orders that it fulfills though they need attention."""

import django.contrib.postgres.fields
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('ecommerce', '0022_activity'),
    ]

    operations = [
        migrations.AddField(
            model_name='bulkjob',
            name='fulfill_despite_attention',
            field=django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), blank=True, db_default=[], default=list, editable=False, size=None),
        ),
    ]
