"""Who accounts sees the shop's settings, and who manages changes them."""

from django.db import migrations

from ecommerce.roles import make_roles


class Migration(migrations.Migration):
    """Sets the permissions of the groups anew."""

    dependencies = [("ecommerce", "0032_refund_keys")]
    operations = [
        migrations.AlterModelOptions(
            name="shopsettings",
            options={
                "default_permissions": ("view", "change"),
                "verbose_name": "settings",
                "verbose_name_plural": "settings",
            },
        ),
        migrations.RunPython(lambda registry, _schema: make_roles(registry), migrations.RunPython.noop),
    ]
