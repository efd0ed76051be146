# Of payments and refunds that are due the index holds those alone that are not closed, while both are written.

from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models

OPEN = models.Q(('closed_at', None), ('next_attempt_at__isnull', False))


class Migration(migrations.Migration):

    atomic = False
    dependencies = [("billing", "0031_seller_and_documents")]
    operations = [
        AddIndexConcurrently(
            model_name='payment',
            index=models.Index(condition=OPEN, fields=['next_attempt_at'], name='payment_open_due'),
        ),
        AddIndexConcurrently(
            model_name='refund',
            index=models.Index(condition=OPEN, fields=['next_attempt_at'], name='refund_open_due'),
        ),
        RemoveIndexConcurrently(model_name='payment', name='payment_due'),
        RemoveIndexConcurrently(model_name='refund', name='refund_due'),
    ]
