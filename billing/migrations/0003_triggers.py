"""Rule 1 of how money stays right: refunds that are not failed never add up to more than their payment."""

from django.db import migrations

# The row lock that UPDATE takes on the payment makes refunds of one payment wait for each other; the CHECK on
# billing_payment.refunds then refuses the one that is too much.
FORWARD = """
CREATE FUNCTION billing_keep_refunds() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    change bigint := 0;
BEGIN
    IF TG_OP = 'UPDATE' AND NEW.payment_id <> OLD.payment_id THEN
        RAISE EXCEPTION 'A refund keeps its payment.' USING ERRCODE = 'check_violation';
    END IF;
    IF TG_OP <> 'DELETE' AND NEW.status <> 'failed' THEN change := change + NEW.amount; END IF;
    IF TG_OP <> 'INSERT' AND OLD.status <> 'failed' THEN change := change - OLD.amount; END IF;
    IF change <> 0 THEN
        UPDATE billing_payment SET refunds = refunds + change WHERE id = COALESCE(NEW.payment_id, OLD.payment_id);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER keep_refunds AFTER INSERT OR DELETE OR UPDATE OF amount, status, payment_id ON billing_refund
    FOR EACH ROW EXECUTE FUNCTION billing_keep_refunds();

CREATE FUNCTION billing_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is history and is not changed.', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER keep_history BEFORE UPDATE OR DELETE ON billing_invoiceline
    FOR EACH ROW EXECUTE FUNCTION billing_refuse_change();
"""
BACKWARD = """
DROP TRIGGER keep_history ON billing_invoiceline;
DROP FUNCTION billing_refuse_change();
DROP TRIGGER keep_refunds ON billing_refund;
DROP FUNCTION billing_keep_refunds();
"""


class Migration(migrations.Migration):
    """Adds the triggers."""

    dependencies = [("billing", "0002_initial")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
