from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [("ecommerce", "__first__")]
    operations = [migrations.RunSQL("ALTER TABLE ecommerce_order ADD COLUMN next_release text NOT NULL DEFAULT ''")]
