"""Managers give discounts by hand."""

from django.db import migrations

from ecommerce.roles import make_roles


class Migration(migrations.Migration):
    """Sets the permissions of the groups anew."""

    dependencies = [("ecommerce", "0035_shipping_cheapest")]
    operations = [migrations.RunPython(lambda registry, _schema: make_roles(registry), migrations.RunPython.noop)]
