# Units in the same condition, some of which go back in stock, have a row each. The table is small.

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [("ecommerce", "0044_printouts")]
    operations = [
        migrations.RemoveConstraint(model_name="returnitem", name="return_item_once"),
        migrations.AddConstraint(
            model_name="returnitem",
            constraint=models.UniqueConstraint(
                fields=("order_return", "item", "condition", "restock"), name="return_item_once"
            ),
        ),
    ]
