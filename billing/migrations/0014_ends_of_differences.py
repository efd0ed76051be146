"""Ends of differences, one open difference an object, and the guard that notices a restored database."""

from django.db import migrations, models


# Of several open ones of an object only the newest stays; what had ended by itself says so.
ONE_OPEN = """
UPDATE billing_difference d SET resolved_at = seen_at WHERE resolved_at IS NULL AND EXISTS (
    SELECT FROM billing_difference n WHERE n.stripe_id = d.stripe_id AND n.resolved_at IS NULL AND n.id > d.id);
UPDATE billing_difference SET outcome = 'agrees' WHERE resolved_at IS NOT NULL;
"""


class Migration(migrations.Migration):

    dependencies = [
        ('billing', '0013_database_clock'),
    ]

    operations = [
        migrations.CreateModel(
            name='RestoreGuard',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('identity', models.CharField(blank=True, max_length=200)),
                ('server_started', models.CharField(blank=True, max_length=60)),
                ('blocked_at', models.DateTimeField(null=True)),
                ('reason', models.TextField(blank=True)),
                ('restored_at', models.DateTimeField(null=True)),
            ],
            options={
                'default_permissions': (),
            },
        ),
        migrations.AlterModelOptions(
            name='difference',
            options={'default_permissions': ('view',), 'permissions': [('end_difference', 'Can end differences')], 'verbose_name': 'difference', 'verbose_name_plural': 'differences'},
        ),
        migrations.RemoveConstraint(
            model_name='difference',
            name='difference_once',
        ),
        migrations.AddField(
            model_name='difference',
            name='ended_by',
            field=models.CharField(blank=True, max_length=200, verbose_name='ended by'),
        ),
        migrations.AddField(
            model_name='difference',
            name='invoice_number',
            field=models.CharField(blank=True, max_length=20, verbose_name='invoice'),
        ),
        migrations.AddField(
            model_name='difference',
            name='note',
            field=models.TextField(blank=True, verbose_name='note'),
        ),
        migrations.AddField(
            model_name='difference',
            name='order_number',
            field=models.CharField(blank=True, max_length=20, verbose_name='order'),
        ),
        migrations.AddField(
            model_name='difference',
            name='outcome',
            field=models.CharField(blank=True, choices=[('agrees', 'Agrees again'), ('adopted', 'Adopted'), ('refunded', 'Refunded'), ('not_ours', 'Not ours'), ('known', 'Known')], max_length=10, verbose_name='outcome'),
        ),
        migrations.AddField(
            model_name='difference',
            name='rule',
            field=models.CharField(blank=True, max_length=40, verbose_name='rule'),
        ),
        migrations.AddField(
            model_name='reconciliation',
            name='highest_invoice',
            field=models.PositiveBigIntegerField(default=0),
        ),
        migrations.AddField(
            model_name='reconciliation',
            name='highest_order',
            field=models.PositiveBigIntegerField(default=0),
        ),
        migrations.AddField(
            model_name='reconciliation',
            name='newest_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='reconciliation',
            name='not_ours',
            field=models.PositiveIntegerField(default=0, verbose_name='not ours'),
        ),
        migrations.AddField(
            model_name='reconciliation',
            name='since',
            field=models.DateTimeField(blank=True, null=True, verbose_name='since'),
        ),
        migrations.AlterField(
            model_name='difference',
            name='kind',
            field=models.CharField(choices=[('charge_unknown', 'Charge that is not here'), ('charge_twice', 'Charged twice'), ('charge_differs', 'Charge differs'), ('charge_missing', 'Charge missing at Stripe'), ('refund_unknown', 'Refund that is not here'), ('refund_differs', 'Refund differs'), ('refund_missing', 'Refund missing at Stripe'), ('not_judged', 'Could not be compared'), ('own_books', 'Our books disagree')], max_length=20, verbose_name='kind'),
        ),
        migrations.AlterField(
            model_name='difference',
            name='resolved_at',
            field=models.DateTimeField(blank=True, null=True, verbose_name='ended'),
        ),
        migrations.AlterField(
            model_name='difference',
            name='stripe_id',
            field=models.CharField(max_length=255, verbose_name='object'),
        ),
        migrations.AlterField(
            model_name='reconciliation',
            name='phase',
            field=models.CharField(choices=[('charges', 'Charges at Stripe'), ('refunds', 'Refunds at Stripe'), ('our_payments', 'Payments here'), ('our_refunds', 'Refunds here'), ('differences', 'Open differences'), ('own_books', 'Our own books'), ('done', 'Done')], default='charges', max_length=15, verbose_name='phase'),
        ),
        migrations.AddField(
            model_name='difference',
            name='seen_in',
            field=models.PositiveBigIntegerField(default=0, editable=False),
        ),
        migrations.RunSQL(ONE_OPEN, migrations.RunSQL.noop),
        migrations.AddIndex(
            model_name='difference',
            index=models.Index(condition=models.Q(('resolved_at', None)), fields=['order_number'], name='difference_order'),
        ),
        migrations.AddIndex(
            model_name='difference',
            index=models.Index(condition=models.Q(('resolved_at__isnull', False)), fields=['stripe_id'], name='difference_ended'),
        ),
        migrations.AddConstraint(
            model_name='difference',
            constraint=models.UniqueConstraint(condition=models.Q(('resolved_at', None)), fields=('stripe_id',), name='difference_one_open'),
        ),
    ]
