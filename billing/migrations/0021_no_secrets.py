# Removes what is left of Stripe's secrets: of closed payments, and in stored events and messages.

from django.db import migrations, models
from django.db.models import Q

from backoffice.stripe_secrets import strip_secrets, without_secrets

MARKS = ("client_secret", "_secret_", "ek_live_", "ek_test_", "whsec_")
MESSAGES = (("Payment", "failure_message"), ("Refund", "failure_message"), ("WebhookEvent", "error"))


def remove_secrets(apps, schema_editor):
    payments = apps.get_model("billing", "Payment")
    payments.objects.exclude(client_secret="").exclude(status="requires_action").update(client_secret="")
    for name, column in MESSAGES:
        rows = apps.get_model("billing", name).objects.filter(**{f"{column}__contains": "_secret_"})
        for row in rows.only("pk", column).iterator():
            rows.model.objects.filter(pk=row.pk).update(**{column: without_secrets(getattr(row, column))})
    events = apps.get_model("billing", "WebhookEvent").objects
    text = models.functions.Cast("payload", models.TextField())
    marked = Q()
    for mark in MARKS:
        marked |= Q(text__contains=mark)
    for event in events.annotate(text=text).filter(marked).only("pk", "payload").iterator(chunk_size=200):
        events.filter(pk=event.pk).update(payload=strip_secrets(event.payload))


class Migration(migrations.Migration):

    dependencies = [
        ('billing', '0020_removals_at_stripe'),
    ]

    operations = [
        migrations.RunPython(remove_secrets, migrations.RunPython.noop),
        migrations.AddConstraint(
            model_name='payment',
            constraint=models.CheckConstraint(condition=Q(client_secret="") | Q(status="requires_action"), name='payment_secret_while_needed'),
        ),
    ]
