"""Changes of shipping zones and rates are a kind of their own."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """Changes the choices alone."""

    dependencies = [
        ('backoffice', '0001_activity'),
    ]

    operations = [
        migrations.AlterField(
            model_name='activity',
            name='kind',
            field=models.CharField(choices=[('price', 'Prices'), ('stock', 'Stock'), ('catalogue', 'Products and SKUs'), ('coupon', 'Coupons'), ('shipping', 'Shipping'), ('customer', 'Customers'), ('address', 'Addresses'), ('right', 'Rights and roles'), ('staff', 'Users'), ('key', 'API keys'), ('import', 'Imports'), ('export', 'Exports'), ('job', 'Bulk jobs'), ('webhook', 'Webhooks'), ('mail', 'Mails'), ('difference', 'Differences'), ('sign_in', 'Sign-ins')], max_length=20, verbose_name='kind'),
        ),
    ]
