"""Cut every text an order is found by into plain words: PostgreSQL reads "MUG-12" as "mug" and "-12"."""

from django.db import migrations

FORWARD = """
CREATE OR REPLACE FUNCTION ecommerce_words(number text, email text, first_name text, last_name text, sku_codes text)
RETURNS tsvector LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT to_tsvector('pg_catalog.simple', translate(
        concat_ws(' ', number, email, first_name, last_name, sku_codes), '@.,;:-_+/\\''’#&=*()[]', '                    '))
$$;
UPDATE ecommerce_orderwords w
SET words = ecommerce_words(o.number, c.email, c.first_name, c.last_name, o.sku_codes)
FROM ecommerce_order o JOIN customers_customer c ON c.id = o.customer_id WHERE o.id = w.order_id;
"""
BACKWARD = """
CREATE OR REPLACE FUNCTION ecommerce_words(number text, email text, first_name text, last_name text, sku_codes text)
RETURNS tsvector LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT to_tsvector('pg_catalog.simple', concat_ws(' ', number, email, translate(email, '@.-_+', '     '),
        first_name, last_name, sku_codes))
$$;
"""


class Migration(migrations.Migration):
    """Replaces the function."""

    dependencies = [("ecommerce", "0002_triggers")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
