"""Changes of tax rates, settings and customers' tax ids are recorded; everybody sees rates and settings."""

from django.db import migrations

from backoffice.activity.tracking import install_sql, remove_sql
from ecommerce.roles import make_roles
from ecommerce.tracked import CUSTOMER, PRODUCT, SHOP_SETTINGS, TAX_RATE


class Migration(migrations.Migration):
    """Replaces two functions and their triggers, and adds two: each takes its table's lock for a moment."""

    atomic = False
    dependencies = [
        ("ecommerce", "0028_taxes"),
        ("customers", "0010_tax_ids"),
        ("backoffice", "0003_tax_activity"),
    ]
    operations = [
        *(migrations.RunSQL(install_sql(each), migrations.RunSQL.noop) for each in (CUSTOMER, PRODUCT)),
        *(migrations.RunSQL(install_sql(each), remove_sql(each)) for each in (TAX_RATE, SHOP_SETTINGS)),
        migrations.RunPython(lambda apps, _: make_roles(apps), migrations.RunPython.noop, atomic=True),
    ]
