# API keys may correct addresses: a choice more, which changes nothing in the database.

import django.contrib.postgres.fields
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('ecommerce', '0046_tracking_files'),
    ]

    operations = [
        migrations.AlterField(
            model_name='apikey',
            name='permissions',
            field=django.contrib.postgres.fields.ArrayField(base_field=models.CharField(choices=[('ecommerce.view_order', 'See orders'), ('ecommerce.add_order', 'Create orders'), ('ecommerce.fulfill_order', 'Fulfill orders'), ('ecommerce.cancel_order', 'Cancel orders'), ('ecommerce.return_order', 'Return orders'), ('ecommerce.correct_address', 'Correct addresses of orders'), ('billing.refund_payment', 'Refund orders')], max_length=40), size=None, verbose_name='permissions'),
        ),
    ]
