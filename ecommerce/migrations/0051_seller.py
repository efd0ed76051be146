"""Changes of the seller and of exchange rates are recorded; who accounts sees the one and keeps the other."""

from django.db import migrations, models

from backoffice.activity.origin import silent
from backoffice.activity.tracking import install_sql, remove_sql
from ecommerce.roles import make_roles
from ecommerce.tracked import EXCHANGE_RATE, SELLER


def take_what_is_known(apps, _schema_editor):
    shop = apps.get_model("ecommerce", "ShopSettings").objects.filter(pk=1).first()
    if shop:
        with silent():
            apps.get_model("billing", "Seller").objects.filter(pk=1).update(country=shop.country, tax_id=shop.tax_id)


class Migration(migrations.Migration):
    """Adds two functions with their triggers, on tables that are nearly empty."""

    atomic = False
    dependencies = [
        ("billing", "0031_seller_and_documents"),
        ("ecommerce", "0050_validate_order_fees"),
    ]
    operations = [
        migrations.AlterField(
            model_name='shopsettings',
            name='tax_id',
            field=models.CharField(blank=True, editable=False, max_length=40, verbose_name='tax id'),
        ),
        migrations.RunPython(take_what_is_known, migrations.RunPython.noop, atomic=True),
        *(migrations.RunSQL(install_sql(each), remove_sql(each)) for each in (SELLER, EXCHANGE_RATE)),
        migrations.RunPython(lambda apps, _: make_roles(apps), migrations.RunPython.noop, atomic=True),
    ]
