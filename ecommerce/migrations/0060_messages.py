"""Messages to customers stand in the history of orders; support and managers write them."""

from django.db import migrations, models

from ecommerce.roles import make_roles


class Migration(migrations.Migration):

    dependencies = [
        ('ecommerce', '0059_invoice_jobs'),
        ('customers', '0014_mail_priority_and_bounces'),
    ]

    operations = [
        migrations.AlterField(
            model_name='orderevent',
            name='kind',
            field=models.CharField(choices=[('created', 'Created'), ('payment_requested', 'Payment requested'), ('authentication_required', 'Authentication required'), ('payment_failed', 'Payment failed'), ('price_changed', 'Price changed'), ('payment_adopted', 'Late payment adopted'), ('paid', 'Paid'), ('partly_fulfilled', 'Partly fulfilled'), ('fulfilled', 'Fulfilled'), ('fulfillment_undone', 'Fulfillment undone'), ('tracking_changed', 'Tracking corrected'), ('delivered', 'Delivered'), ('cancel_requested', 'Cancellation requested'), ('canceled', 'Canceled'), ('items_cancel_requested', 'Cancellation of items requested'), ('items_canceled', 'Items canceled'), ('cancellation_asked', 'The customer asked to cancel'), ('cancellation_declined', 'Cancellation declined'), ('withdrawn', 'Withdrawn from the contract'), ('return_opened', 'Return opened'), ('return_approved', 'Return approved'), ('return_declined', 'Return declined'), ('return_canceled', 'Return canceled'), ('return_received', 'Return received'), ('return_closed', 'Return closed'), ('return_requested', 'Refund of a return requested'), ('returned', 'Returned'), ('refund_requested', 'Refund requested'), ('auto_refund', 'Automatic refund requested'), ('refund_pending', 'Refund pending'), ('refunded', 'Refunded'), ('refund_succeeded', 'Refund succeeded'), ('refund_failed', 'Refund failed'), ('request_stopped', 'Request stopped'), ('sent_again', 'Sent again'), ('settled_outside', 'Settled outside Stripe'), ('disputed', 'Disputed'), ('dispute_won', 'Dispute won'), ('dispute_lost', 'Dispute lost'), ('address_changed', 'Address corrected'), ('note_added', 'Note'), ('message_written', 'Message to the customer'), ('tags_changed', 'Tags changed'), ('held', 'Put on hold'), ('released', 'Released'), ('assigned', 'Assigned'), ('payment_link_created', 'Payment link made'), ('payment_link_revoked', 'Payment link revoked')], max_length=40, verbose_name='kind'),
        ),
        migrations.RunPython(lambda apps, _: make_roles(apps), migrations.RunPython.noop),
    ]
