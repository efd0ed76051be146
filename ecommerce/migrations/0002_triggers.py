"""History that refuses change, and the words orders are found by, kept up to date by the database itself."""

from django.db import migrations

# "ana.lovelace@example.com" is one token to PostgreSQL: its parts are added, so that "lovelace" finds it too.
FORWARD = """
CREATE FUNCTION ecommerce_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is history and is not changed.', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER keep_history BEFORE UPDATE OR DELETE ON ecommerce_orderevent
    FOR EACH ROW EXECUTE FUNCTION ecommerce_refuse_change();

CREATE FUNCTION ecommerce_words(number text, email text, first_name text, last_name text, sku_codes text)
RETURNS tsvector LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT to_tsvector('pg_catalog.simple', concat_ws(' ', number, email, translate(email, '@.-_+', '     '),
        first_name, last_name, sku_codes))
$$;
CREATE FUNCTION ecommerce_order_words() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO ecommerce_orderwords (order_id, words)
    SELECT o.id, ecommerce_words(o.number, c.email, c.first_name, c.last_name, o.sku_codes)
    FROM placed o JOIN customers_customer c ON c.id = o.customer_id;
    RETURN NULL;
END $$;
CREATE TRIGGER order_words AFTER INSERT ON ecommerce_order
    REFERENCING NEW TABLE AS placed FOR EACH STATEMENT EXECUTE FUNCTION ecommerce_order_words();

CREATE FUNCTION ecommerce_customer_words() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE ecommerce_orderwords w
    SET words = ecommerce_words(o.number, NEW.email, NEW.first_name, NEW.last_name, o.sku_codes)
    FROM ecommerce_order o WHERE o.id = w.order_id AND o.customer_id = NEW.id;
    RETURN NULL;
END $$;
CREATE TRIGGER customer_words AFTER UPDATE OF email, first_name, last_name ON customers_customer
    FOR EACH ROW WHEN ((OLD.email, OLD.first_name, OLD.last_name)
        IS DISTINCT FROM (NEW.email, NEW.first_name, NEW.last_name))
    EXECUTE FUNCTION ecommerce_customer_words();
"""
BACKWARD = """
DROP TRIGGER customer_words ON customers_customer;
DROP FUNCTION ecommerce_customer_words();
DROP TRIGGER order_words ON ecommerce_order;
DROP FUNCTION ecommerce_order_words();
DROP FUNCTION ecommerce_words(text, text, text, text, text);
DROP TRIGGER keep_history ON ecommerce_orderevent;
DROP FUNCTION ecommerce_refuse_change();
"""


class Migration(migrations.Migration):
    """Adds the triggers."""

    dependencies = [("ecommerce", "0001_initial")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
