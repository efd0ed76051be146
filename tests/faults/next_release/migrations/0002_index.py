from django.db import migrations


class Migration(migrations.Migration):

    atomic = False
    dependencies = [("next_release", "0001_column")]
    operations = [
        migrations.RunSQL("CREATE INDEX CONCURRENTLY next_release ON ecommerce_order (next_release)"),
    ]
