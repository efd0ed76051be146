"""Every change of the catalogue, of people, roles and keys is recorded; managers see it."""

from django.db import migrations

from backoffice.activity.tracking import install_sql, remove_sql
from ecommerce.roles import make_roles
from ecommerce.tracked import ADDRESS, API_KEY, COUPON, CUSTOMER, GROUP, LINKS, PRODUCT, SKU, USER


class Migration(migrations.Migration):
    """Adds the triggers: each takes its table's lock for a moment, whatever the table's size, and gives it back."""

    atomic = False
    dependencies = [
        ("ecommerce", "0021_roles_see_mail"),
        ("customers", "0007_address_fields"),
        ("backoffice", "0001_activity"),
        ("auth", "0012_alter_user_first_name_max_length"),
    ]
    operations = [
        *(
            migrations.RunSQL(install_sql(each), remove_sql(each))
            for each in (USER, GROUP, CUSTOMER, ADDRESS, PRODUCT, SKU, COUPON, API_KEY, *LINKS)
        ),
        migrations.RunPython(lambda apps, _: make_roles(apps), migrations.RunPython.noop, atomic=True),
    ]
