# Checks the existing rows under a lock that blocks nobody who reads or writes them.

from django.contrib.postgres.operations import ValidateConstraint
from django.db import migrations


class Migration(migrations.Migration):

    atomic = False
    dependencies = [("ecommerce", "0049_order_fees")]
    operations = [
        ValidateConstraint("order", "ecommerce_order_fees_kept_check"),
        ValidateConstraint("order", "order_refunded"),
    ]
