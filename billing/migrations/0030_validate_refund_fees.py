# Checks the existing rows under a lock that blocks nobody who reads or writes them.

from django.contrib.postgres.operations import ValidateConstraint
from django.db import migrations


class Migration(migrations.Migration):

    atomic = False
    dependencies = [("billing", "0029_refund_fees")]
    operations = [
        ValidateConstraint("refund", "billing_refund_fees_check"),
        ValidateConstraint("refund", "refund_amount"),
        ValidateConstraint("refund", "refund_done_at_stripe"),
        ValidateConstraint("payment", "billing_payment_fees_check"),
        ValidateConstraint("payment", "payment_refunds"),
    ]
