"""Indexes of the lists' tabs and of the dashboard: what is rare is found without reading what is common."""

from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('billing', '0004_wish_answered_5xx'),
        ('customers', '0002_search'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddIndex(
            model_name='invoice',
            index=models.Index(condition=models.Q(('status', 'paid'), _negated=True), fields=['status', 'id'], name='invoice_not_paid'),
        ),
        migrations.AddIndex(
            model_name='invoice',
            index=models.Index(fields=['paid_at'], include=('currency', 'amount_paid'), name='invoice_revenue'),
        ),
        migrations.AddIndex(
            model_name='payment',
            index=models.Index(condition=models.Q(('status', 'succeeded'), _negated=True), fields=['status', 'id'], name='payment_not_succeeded'),
        ),
        migrations.AddIndex(
            model_name='refund',
            index=models.Index(condition=models.Q(('status', 'succeeded'), _negated=True), fields=['status', 'id'], name='refund_not_succeeded'),
        ),
        migrations.AddIndex(
            model_name='refund',
            index=models.Index(fields=['requested_at'], include=('currency', 'amount', 'status'), name='refund_given'),
        ),
        migrations.AddIndex(
            model_name='webhookevent',
            index=models.Index(condition=models.Q(('error', ''), _negated=True), fields=['id'], name='webhook_error'),
        ),
    ]
