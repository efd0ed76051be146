"""When open disputes are looked up, how long a customer may authenticate, and which events are ignored."""

import datetime
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('billing', '0014_ends_of_differences'),
    ]

    operations = [
        migrations.AddField(
            model_name='payment',
            name='authenticate_within',
            field=models.DurationField(db_default=datetime.timedelta(days=1), default=datetime.timedelta(days=1), editable=False, verbose_name='time to authenticate'),
        ),
        migrations.AddField(
            model_name='payment',
            name='dispute_check_at',
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        migrations.AddField(
            model_name='webhookevent',
            name='ignored',
            field=models.BooleanField(default=False, verbose_name='ignored'),
        ),
        migrations.AddIndex(
            model_name='payment',
            index=models.Index(condition=models.Q(('dispute_check_at__isnull', False)), fields=['dispute_check_at'], name='payment_dispute_due'),
        ),
        migrations.RunSQL(
            "UPDATE billing_payment SET dispute_check_at = now() WHERE dispute = 'open' AND stripe_dispute_id <> ''",
            migrations.RunSQL.noop,
        ),
    ]
