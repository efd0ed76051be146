"""The history of orders is told to endpoints by a trigger; managers see endpoints and deliveries, and changes are kept."""

from django.db import migrations

from backoffice.activity.tracking import install_sql, remove_sql
from ecommerce.roles import make_roles
from ecommerce.tracked import WEBHOOK_ENDPOINT
from ecommerce.webhooks.triggers import ORDER_TRIGGER, REMOVE_ORDER_TRIGGER, order_function_sql


class Migration(migrations.Migration):
    """Takes the history's lock for a moment, whatever its size."""

    atomic = False
    dependencies = [("ecommerce", "0054_webhooks_out")]
    operations = [
        migrations.RunSQL(order_function_sql() + ORDER_TRIGGER, REMOVE_ORDER_TRIGGER),
        migrations.RunSQL(install_sql(WEBHOOK_ENDPOINT), remove_sql(WEBHOOK_ENDPOINT)),
        migrations.RunPython(lambda apps, _: make_roles(apps), migrations.RunPython.noop, atomic=True),
    ]
