# Notes when a row was enqueued last.

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('billing', '0017_search'),
    ]

    operations = [
        migrations.AddField(
            model_name='reconciliation',
            name='enqueued_at',
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        migrations.AddField(
            model_name='webhookevent',
            name='enqueued_at',
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
    ]
