"""Those who fulfill orders undo it."""

from django.db import migrations

from ecommerce.roles import make_roles


class Migration(migrations.Migration):
    """Sets the permissions of the groups anew."""

    dependencies = [("ecommerce", "0042_roles_organize")]
    operations = [migrations.RunPython(lambda registry, _schema: make_roles(registry), migrations.RunPython.noop)]
