"""The words of orders by the shared tokenizer, with what was ordered and where it was sent."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION ecommerce_order_vectors(ids bigint[]) RETURNS TABLE (order_id bigint, words tsvector)
LANGUAGE sql STABLE AS $$
    SELECT o.id, search_vector(concat_ws(' ', o.number, c.email, c.first_name, c.last_name,
        coalesce(items.texts, o.sku_codes), o.shipping_address->>'name', o.shipping_address->>'city',
        o.shipping_address->>'postal_code', search_code(o.shipping_address->>'postal_code')))
    FROM unnest(ids) AS wanted(id)
    JOIN ecommerce_order o ON o.id = wanted.id
    JOIN customers_customer c ON c.id = o.customer_id
    CROSS JOIN LATERAL (
        SELECT string_agg(i.sku_code || ' ' || i.description, ' ') AS texts
        FROM ecommerce_orderitem i WHERE i.order_id = o.id
    ) AS items
$$;
CREATE FUNCTION ecommerce_write_words(ids bigint[]) RETURNS void LANGUAGE sql AS $$
    INSERT INTO ecommerce_orderwords AS w (order_id, words) SELECT order_id, words FROM ecommerce_order_vectors(ids)
    ON CONFLICT (order_id) DO UPDATE SET words = EXCLUDED.words WHERE w.words IS DISTINCT FROM EXCLUDED.words
$$;

-- Words are written once, with the items; at once for an order that has none.
CREATE OR REPLACE FUNCTION ecommerce_order_words() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM ecommerce_write_words(array_agg(id)) FROM placed WHERE sku_codes = '' HAVING count(*) > 0;
    RETURN NULL;
END $$;
CREATE FUNCTION ecommerce_item_words() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM ecommerce_write_words(array_agg(DISTINCT order_id)) FROM placed HAVING count(*) > 0;
    RETURN NULL;
END $$;
CREATE TRIGGER item_words AFTER INSERT ON ecommerce_orderitem
    REFERENCING NEW TABLE AS placed FOR EACH STATEMENT EXECUTE FUNCTION ecommerce_item_words();
CREATE FUNCTION ecommerce_address_words() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM ecommerce_write_words(ARRAY[NEW.id]);
    RETURN NULL;
END $$;
CREATE TRIGGER address_words AFTER UPDATE OF shipping_address, customer_id ON ecommerce_order
    FOR EACH ROW WHEN ((OLD.shipping_address, OLD.customer_id) IS DISTINCT FROM (NEW.shipping_address, NEW.customer_id))
    EXECUTE FUNCTION ecommerce_address_words();
CREATE OR REPLACE FUNCTION ecommerce_customer_words() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM ecommerce_write_words(array_agg(id)) FROM ecommerce_order WHERE customer_id = NEW.id HAVING count(*) > 0;
    RETURN NULL;
END $$;
DROP FUNCTION ecommerce_words(text, text, text, text, text);
"""
BACKWARD = """
CREATE FUNCTION ecommerce_words(number text, email text, first_name text, last_name text, sku_codes text)
RETURNS tsvector LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT to_tsvector('pg_catalog.simple', translate(
        concat_ws(' ', number, email, first_name, last_name, sku_codes), '@.,;:-_+/\\''’#&=*()[]', '                    '))
$$;
CREATE OR REPLACE FUNCTION ecommerce_order_words() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO ecommerce_orderwords (order_id, words)
    SELECT o.id, ecommerce_words(o.number, c.email, c.first_name, c.last_name, o.sku_codes)
    FROM placed o JOIN customers_customer c ON c.id = o.customer_id;
    RETURN NULL;
END $$;
CREATE OR REPLACE FUNCTION ecommerce_customer_words() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE ecommerce_orderwords w
    SET words = ecommerce_words(o.number, NEW.email, NEW.first_name, NEW.last_name, o.sku_codes)
    FROM ecommerce_order o WHERE o.id = w.order_id AND o.customer_id = NEW.id;
    RETURN NULL;
END $$;
DROP TRIGGER address_words ON ecommerce_order;
DROP FUNCTION ecommerce_address_words();
DROP TRIGGER item_words ON ecommerce_orderitem;
DROP FUNCTION ecommerce_item_words();
DROP FUNCTION ecommerce_write_words(bigint[]);
DROP FUNCTION ecommerce_order_vectors(bigint[]);
"""


class Migration(migrations.Migration):
    """Replaces the triggers."""

    dependencies = [("ecommerce", "0016_fulfill_despite_attention"), ("customers", "0005_search_words")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
