# Builds the index of open reviews while payments are written.

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):

    atomic = False
    dependencies = [("billing", "0027_reviews")]
    operations = [
        AddIndexConcurrently(
            model_name='payment',
            index=models.Index(condition=models.Q(('review_check_at__isnull', False)), fields=['review_check_at'], name='payment_review_due'),
        ),
    ]
