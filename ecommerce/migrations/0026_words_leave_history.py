"""History stays as it is, but for the words of a person who is erased; managers may ask for that."""

from django.db import migrations

from ecommerce.roles import make_roles

FORWARD = """
CREATE OR REPLACE FUNCTION ecommerce_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- ecommerce.erasure says so for its own transactions: what happened, when and to which order can't change even then.
    IF TG_OP = 'UPDATE' AND current_setting('pelcro.erasing', true) = 'on'
        AND (NEW.id, NEW.order_id, NEW.kind, NEW.at, NEW.by_kind)
            IS NOT DISTINCT FROM (OLD.id, OLD.order_id, OLD.kind, OLD.at, OLD.by_kind) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION '% is history and is not changed.', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;
"""
BACKWARD = """
CREATE OR REPLACE FUNCTION ecommerce_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is history and is not changed.', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;
"""


class Migration(migrations.Migration):
    """Replaces the function of the trigger, and sets the permissions of the groups anew."""

    dependencies = [("ecommerce", "0025_erasure")]
    operations = [
        migrations.RunSQL(FORWARD, BACKWARD),
        migrations.RunPython(lambda registry, _schema: make_roles(registry), migrations.RunPython.noop),
    ]
