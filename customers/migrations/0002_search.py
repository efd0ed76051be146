"""Customers are found by the beginning of their e-mail, and by the words of e-mail and name."""

import django.contrib.postgres.indexes
import django.contrib.postgres.search
from django.db import migrations, models
from django.db.models.functions import Lower

# To PostgreSQL an e-mail is one word: its parts are set apart, as they are in what is typed.
FORWARD = """
CREATE FUNCTION customers_words(email text, first_name text, last_name text)
RETURNS tsvector LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT to_tsvector('pg_catalog.simple', translate(concat_ws(' ', email, first_name, last_name),
        '@.-_+/:&%#~=', '            '))
$$;
"""
BACKWARD = "DROP FUNCTION customers_words(text, text, text);"


class Words(models.Func):
    """The search vector of a customer."""

    function = "customers_words"
    output_field = django.contrib.postgres.search.SearchVectorField()


class Migration(migrations.Migration):
    """Adds the function and the indexes."""

    dependencies = [("customers", "0001_initial")]
    operations = [
        migrations.RunSQL(FORWARD, BACKWARD),
        migrations.AddIndex(
            "customer",
            django.contrib.postgres.indexes.GinIndex(Words("email", "first_name", "last_name"), name="customer_words"),
        ),
        migrations.AddIndex(
            "customer",
            models.Index(
                django.contrib.postgres.indexes.OpClass(Lower("email"), name="text_pattern_ops"),
                name="customer_email_begins",
            ),
        ),
    ]
