"""Reconciliation compares disputes, too."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('billing', '0018_wakeups'),
    ]

    operations = [
        migrations.AlterField(
            model_name='difference',
            name='kind',
            field=models.CharField(choices=[('charge_unknown', 'Charge that is not here'), ('charge_twice', 'Charged twice'), ('charge_differs', 'Charge differs'), ('charge_missing', 'Charge missing at Stripe'), ('refund_unknown', 'Refund that is not here'), ('refund_differs', 'Refund differs'), ('refund_missing', 'Refund missing at Stripe'), ('dispute_unknown', 'Dispute that is not here'), ('dispute_differs', 'Dispute differs'), ('dispute_missing', 'Dispute missing at Stripe'), ('not_judged', 'Could not be compared'), ('own_books', 'Our books disagree')], max_length=20, verbose_name='kind'),
        ),
        migrations.AlterField(
            model_name='reconciliation',
            name='phase',
            field=models.CharField(choices=[('charges', 'Charges at Stripe'), ('refunds', 'Refunds at Stripe'), ('disputes', 'Disputes at Stripe'), ('our_payments', 'Payments here'), ('our_refunds', 'Refunds here'), ('our_disputes', 'Disputes here'), ('differences', 'Open differences'), ('own_books', 'Our own books'), ('done', 'Done')], default='charges', max_length=15, verbose_name='phase'),
        ),
    ]
