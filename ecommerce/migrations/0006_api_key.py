"""Keep the keys of staff programs."""

import django.contrib.postgres.fields
import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('ecommerce', '0005_jobs_worked_by_rights'),
    ]

    operations = [
        migrations.CreateModel(
            name='ApiKey',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=40, verbose_name='name')),
                ('prefix', models.CharField(editable=False, max_length=8, unique=True, verbose_name='begins with')),
                ('hash', models.CharField(editable=False, max_length=64)),
                ('permissions', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(choices=[('ecommerce.view_order', 'See orders'), ('ecommerce.add_order', 'Create orders'), ('ecommerce.fulfill_order', 'Fulfill orders'), ('ecommerce.cancel_order', 'Cancel orders'), ('ecommerce.return_order', 'Return orders')], max_length=40), size=None, verbose_name='permissions')),
                ('made_by', models.CharField(editable=False, max_length=200, verbose_name='made by')),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name='made')),
                ('last_used_at', models.DateTimeField(blank=True, editable=False, null=True, verbose_name='last used')),
                ('revoked_at', models.DateTimeField(blank=True, editable=False, null=True, verbose_name='revoked')),
            ],
            options={
                'verbose_name': 'API key',
                'verbose_name_plural': 'API keys',
            },
        ),
    ]
