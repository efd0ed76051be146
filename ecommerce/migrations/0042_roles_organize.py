"""Roles write notes, set tags, assign and hold orders, and correct addresses; changes of tags are recorded."""

from django.contrib.postgres.operations import ValidateConstraint
from django.db import migrations

from backoffice.activity.tracking import install_sql, remove_sql
from ecommerce.roles import make_roles
from ecommerce.tracked import TAG


class Migration(migrations.Migration):

    atomic = False
    dependencies = [("ecommerce", "0041_tags_notes_and_holds")]
    operations = [
        ValidateConstraint("order", "order_held_for_review"),
        migrations.RunSQL(install_sql(TAG), remove_sql(TAG)),
        migrations.RunPython(lambda apps, _: make_roles(apps), migrations.RunPython.noop, atomic=True),
    ]
