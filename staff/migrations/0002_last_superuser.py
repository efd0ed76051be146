"""The last active superuser keeps that right, whoever takes it away and however."""

from django.db import migrations

# The lock lets only one transaction at a time take the right away: the next one waits, and then counts what is left.
# The number is any that nothing else locks.
FORWARD = """
CREATE FUNCTION staff_keep_a_superuser() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(7015462304871);
    IF NOT EXISTS (SELECT FROM customers_user WHERE is_superuser AND is_active AND is_staff) THEN
        RAISE EXCEPTION 'The last superuser keeps that right: make somebody else a superuser first.'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'last_superuser', TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER last_superuser_changed AFTER UPDATE OF is_superuser, is_active, is_staff ON customers_user
    FOR EACH ROW WHEN (OLD.is_superuser AND OLD.is_active AND OLD.is_staff
        AND NOT (NEW.is_superuser AND NEW.is_active AND NEW.is_staff))
    EXECUTE FUNCTION staff_keep_a_superuser();
CREATE TRIGGER last_superuser_deleted AFTER DELETE ON customers_user
    FOR EACH ROW WHEN (OLD.is_superuser AND OLD.is_active AND OLD.is_staff)
    EXECUTE FUNCTION staff_keep_a_superuser();
"""
BACKWARD = """
DROP TRIGGER last_superuser_deleted ON customers_user;
DROP TRIGGER last_superuser_changed ON customers_user;
DROP FUNCTION staff_keep_a_superuser();
"""


class Migration(migrations.Migration):
    """Adds the triggers."""

    dependencies = [("staff", "0001_initial"), ("customers", "0001_initial")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
