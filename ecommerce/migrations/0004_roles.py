"""The roles of staff."""

from django.db import migrations

from ecommerce.roles import make_roles


class Migration(migrations.Migration):
    """Makes the groups with their permissions."""

    dependencies = [
        ("ecommerce", "0003_words"),
        ("billing", "0003_triggers"),
        ("customers", "0002_search"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]
    operations = [migrations.RunPython(lambda apps, _: make_roles(apps), migrations.RunPython.noop)]
