# Adds what stopping a bulk job needs.

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('ecommerce', '0019_file_import'),
    ]

    operations = [
        migrations.AddField(
            model_name='bulkjob',
            name='given_back',
            field=models.PositiveIntegerField(db_default=0, default=0, editable=False, verbose_name='given back'),
        ),
        migrations.AddField(
            model_name='orderact',
            name='of_jobs_only',
            field=models.BooleanField(db_default=False, default=False, editable=False),
        ),
        migrations.AlterField(
            model_name='orderact',
            name='outcome',
            field=models.CharField(blank=True, choices=[('done', 'Done'), ('failed', 'Failed'), ('stopped', 'Stopped')], max_length=10, verbose_name='outcome'),
        ),
        migrations.AlterField(
            model_name='orderevent',
            name='kind',
            field=models.CharField(choices=[('created', 'Created'), ('payment_requested', 'Payment requested'), ('authentication_required', 'Authentication required'), ('payment_failed', 'Payment failed'), ('price_changed', 'Price changed'), ('payment_adopted', 'Late payment adopted'), ('paid', 'Paid'), ('fulfilled', 'Fulfilled'), ('cancel_requested', 'Cancellation requested'), ('canceled', 'Canceled'), ('return_requested', 'Return requested'), ('returned', 'Returned'), ('refund_requested', 'Refund requested'), ('auto_refund', 'Automatic refund requested'), ('refund_pending', 'Refund pending'), ('refunded', 'Refunded'), ('refund_succeeded', 'Refund succeeded'), ('refund_failed', 'Refund failed'), ('request_stopped', 'Request stopped'), ('sent_again', 'Sent again'), ('settled_outside', 'Settled outside Stripe'), ('disputed', 'Disputed'), ('dispute_won', 'Dispute won'), ('dispute_lost', 'Dispute lost')], max_length=40, verbose_name='kind'),
        ),
        migrations.AddField(
            model_name='bulkjob',
            name='enqueued_at',
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
    ]
