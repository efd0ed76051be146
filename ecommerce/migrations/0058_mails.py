"""Whether an act or a job mails the customers; changes of mail templates are recorded, and managers make them."""

from django.db import migrations, models

from backoffice.activity.tracking import install_sql, remove_sql
from customers.mail.notify import notifies
from ecommerce.roles import make_roles
from ecommerce.tracked import MAIL_TEMPLATE


class Migration(migrations.Migration):

    atomic = False
    dependencies = [
        ("ecommerce", "0057_issue_again"),
        ("customers", "0013_mail_texts_of_orders"),
    ]
    operations = [
        migrations.AddField(
            model_name="bulkjob",
            name="notify",
            field=models.BooleanField(
                db_default=False, default=False, editable=False, verbose_name="mail the customers"
            ),
        ),
        migrations.AddField(
            model_name="orderact",
            name="notify",
            field=models.BooleanField(db_default=True, default=notifies, editable=False),
        ),
        migrations.RunSQL(install_sql(MAIL_TEMPLATE), remove_sql(MAIL_TEMPLATE)),
        migrations.RunPython(lambda apps, _: make_roles(apps), migrations.RunPython.noop, atomic=True),
    ]
