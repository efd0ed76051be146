"""The first reasons; their changes, and those of the rules of returns, are recorded; roles see and handle returns."""

from django.db import migrations

from backoffice.activity.tracking import install_sql, remove_sql
from ecommerce.roles import make_roles
from ecommerce.tracked import PRODUCT, REASON, SHOP_SETTINGS

FIRST = {
    "return": (
        "Doesn't fit",
        "Not as described",
        "Damaged on arrival",
        "Defective",
        "Wrong item sent",
        "Arrived too late",
        "Changed my mind",
    ),
    "cancel": ("Ordered by mistake", "Found it cheaper", "Takes too long", "Out of stock", "Suspected fraud"),
    "refund": ("Damaged on arrival", "Item missing", "Late delivery", "Price adjustment", "Goodwill"),
}


def add_reasons(apps, schema_editor):
    Reason = apps.get_model("ecommerce", "Reason")
    Reason.objects.bulk_create(
        Reason(kind=kind, text=text, position=10 * place)
        for kind, texts in FIRST.items()
        for place, text in enumerate(texts, 1)
    )


class Migration(migrations.Migration):
    """Replaces two functions and their triggers, and adds one: each takes its table's lock for a moment."""

    atomic = False
    dependencies = [("ecommerce", "0039_returns_desk"), ("customers", "0011_mail_kinds_of_returns")]
    operations = [
        migrations.RunPython(add_reasons, migrations.RunPython.noop, atomic=True),
        *(migrations.RunSQL(install_sql(each), remove_sql(each)) for each in (PRODUCT, SHOP_SETTINGS)),
        migrations.RunSQL(install_sql(REASON), remove_sql(REASON)),
        migrations.RunPython(lambda apps, _: make_roles(apps), migrations.RunPython.noop, atomic=True),
    ]
