# Mails to whom a note mentions: a choice more, which changes nothing in the database.

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('customers', '0011_mail_kinds_of_returns'),
    ]

    operations = [
        migrations.AlterField(
            model_name='mail',
            name='kind',
            field=models.CharField(choices=[('account', 'Account and password'), ('password_reset', 'New password'), ('withdrawal', 'Withdrawal received'), ('return', 'Returns and cancellations'), ('mention', 'Mentions in notes'), ('other', 'Other')], max_length=20, verbose_name='kind'),
        ),
    ]
