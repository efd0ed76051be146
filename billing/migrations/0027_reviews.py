# Reviews of payments by Stripe Radar. Each column is added without rewriting the table; the index by the next migration.

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('billing', '0026_tax_report'),
    ]

    operations = [
        migrations.AddField(
            model_name='payment',
            name='review',
            field=models.CharField(blank=True, choices=[('open', 'Open'), ('closed', 'Closed')], db_default='', default='', max_length=10, verbose_name='review'),
        ),
        migrations.AddField(
            model_name='payment',
            name='review_check_at',
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        migrations.AddField(
            model_name='payment',
            name='review_reason',
            field=models.CharField(blank=True, db_default='', default='', editable=False, max_length=50, verbose_name='reason of the review'),
        ),
        migrations.AddField(
            model_name='payment',
            name='reviewed_at',
            field=models.DateTimeField(blank=True, editable=False, null=True, verbose_name='review opened'),
        ),
        migrations.AddField(
            model_name='payment',
            name='stripe_review_id',
            field=models.CharField(blank=True, db_default='', default='', max_length=255, verbose_name='Stripe review'),
        ),
    ]
