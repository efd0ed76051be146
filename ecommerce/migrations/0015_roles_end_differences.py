"""Finance and managers end differences."""

from django.db import migrations

from ecommerce.roles import make_roles


class Migration(migrations.Migration):
    """Gives the groups the permission that has come into being."""

    dependencies = [("ecommerce", "0014_database_clock"), ("billing", "0014_ends_of_differences")]
    operations = [migrations.RunPython(lambda apps, _: make_roles(apps), migrations.RunPython.noop)]
