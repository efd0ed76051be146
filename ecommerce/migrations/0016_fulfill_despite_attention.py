"""Managers may fulfill an order that needs attention; a changed price is an event."""

from django.db import migrations, models

from ecommerce.roles import make_roles


class Migration(migrations.Migration):

    dependencies = [
        ('ecommerce', '0015_roles_end_differences'),
    ]

    operations = [
        migrations.AlterModelOptions(
            name='order',
            options={'permissions': [('fulfill_order', 'Can fulfill orders'), ('fulfill_attention_order', 'Can fulfill orders that need attention'), ('cancel_order', 'Can cancel orders'), ('return_order', 'Can return orders'), ('export_order', 'Can export orders')], 'verbose_name': 'order', 'verbose_name_plural': 'orders'},
        ),
        migrations.AlterField(
            model_name='orderevent',
            name='kind',
            field=models.CharField(choices=[('created', 'Created'), ('payment_requested', 'Payment requested'), ('authentication_required', 'Authentication required'), ('payment_failed', 'Payment failed'), ('price_changed', 'Price changed'), ('payment_adopted', 'Late payment adopted'), ('paid', 'Paid'), ('fulfilled', 'Fulfilled'), ('cancel_requested', 'Cancellation requested'), ('canceled', 'Canceled'), ('return_requested', 'Return requested'), ('returned', 'Returned'), ('refund_requested', 'Refund requested'), ('auto_refund', 'Automatic refund requested'), ('refund_pending', 'Refund pending'), ('refunded', 'Refunded'), ('refund_succeeded', 'Refund succeeded'), ('refund_failed', 'Refund failed'), ('sent_again', 'Sent again'), ('settled_outside', 'Settled outside Stripe'), ('disputed', 'Disputed'), ('dispute_won', 'Dispute won'), ('dispute_lost', 'Dispute lost')], max_length=40, verbose_name='kind'),
        ),
        migrations.RunPython(lambda apps, _: make_roles(apps), migrations.RunPython.noop),
    ]
