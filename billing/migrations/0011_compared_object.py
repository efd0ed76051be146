"""Name the model of what a reconciliation has compared."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("billing", "0010_attempts")]

    operations = [migrations.RenameModel("Seen", "ComparedObject")]
