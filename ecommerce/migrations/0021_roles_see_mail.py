"""Everybody sees what mails went out; who serves customers sends them again."""

from django.db import migrations

from ecommerce.roles import make_roles


class Migration(migrations.Migration):
    """Sets the permissions of the groups anew."""

    dependencies = [("ecommerce", "0020_stop_gives_back"), ("customers", "0006_mail")]
    operations = [migrations.RunPython(lambda registry, _schema: make_roles(registry), migrations.RunPython.noop)]
