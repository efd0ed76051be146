"""Finance and managers see where our books and Stripe's differ."""

from django.db import migrations

from ecommerce.roles import make_roles


class Migration(migrations.Migration):
    """Gives the groups the permission that has come into being."""

    dependencies = [("ecommerce", "0009_job_confirmation"), ("billing", "0007_reconciliation")]
    operations = [migrations.RunPython(lambda apps, _: make_roles(apps), migrations.RunPython.noop)]
