"""A large import can be stopped, and is enqueued once."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('ecommerce', '0023_fulfill_despite_attention'),
    ]

    operations = [
        migrations.AddField(
            model_name='fileimport',
            name='enqueued_at',
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        migrations.AlterField(
            model_name='fileimport',
            name='status',
            field=models.CharField(choices=[('checking', 'Checking'), ('refused', 'Refused'), ('ready', 'Ready'), ('applying', 'Running'), ('done', 'Done'), ('stopped', 'Stopped'), ('failed', 'Failed')], default='checking', max_length=10, verbose_name='status'),
        ),
    ]
