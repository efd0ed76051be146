"""Who accounts may have broken documents issued again."""

from django.db import migrations

from ecommerce.roles import make_roles


class Migration(migrations.Migration):
    """Changes rows of roles alone."""

    dependencies = [("ecommerce", "0056_webhooks_of_rows")]
    operations = [migrations.RunPython(lambda apps, _: make_roles(apps), migrations.RunPython.noop)]
