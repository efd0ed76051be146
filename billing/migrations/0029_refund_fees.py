# The fees kept of refunds. Constraints on existing tables are validated by the next migration, so that no table is
# locked while its rows are read.

import django.db.models.deletion
from django.db import migrations, models

# One statement a table.
COLUMNS = """
ALTER TABLE billing_refund DROP CONSTRAINT refund_amount, DROP CONSTRAINT refund_done_at_stripe,
    ADD COLUMN fees bigint DEFAULT 0 NOT NULL,
    ADD CONSTRAINT billing_refund_fees_check CHECK (fees >= 0) NOT VALID,
    ADD CONSTRAINT refund_amount CHECK (amount > 0 OR fees > 0) NOT VALID,
    ADD CONSTRAINT refund_done_at_stripe CHECK (
        status NOT IN ('pending', 'succeeded') OR stripe_refund_id IS NOT NULL OR settled_outside OR amount = 0
    ) NOT VALID;
ALTER TABLE billing_payment DROP CONSTRAINT payment_refunds,
    ADD COLUMN fees bigint DEFAULT 0 NOT NULL,
    ADD CONSTRAINT billing_payment_fees_check CHECK (fees >= 0) NOT VALID,
    ADD CONSTRAINT payment_refunds CHECK (refunds <= amount - fees) NOT VALID;
"""
DROP_COLUMNS = """
ALTER TABLE billing_payment DROP CONSTRAINT payment_refunds, DROP COLUMN fees,
    ADD CONSTRAINT payment_refunds CHECK (refunds >= 0 AND refunds <= amount);
ALTER TABLE billing_refund DROP CONSTRAINT refund_amount, DROP CONSTRAINT refund_done_at_stripe, DROP COLUMN fees,
    ADD CONSTRAINT refund_amount CHECK (amount > 0),
    ADD CONSTRAINT refund_done_at_stripe CHECK (
        status NOT IN ('pending', 'succeeded') OR stripe_refund_id IS NOT NULL OR settled_outside
    );
"""
KEEP_REFUNDS = """
CREATE OR REPLACE FUNCTION billing_keep_refunds() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    change bigint := 0;
    fees_change bigint := 0;
BEGIN
    IF TG_OP = 'UPDATE' AND NEW.payment_id <> OLD.payment_id THEN
        RAISE EXCEPTION 'A refund keeps its payment.' USING ERRCODE = 'check_violation';
    END IF;
    IF TG_OP <> 'DELETE' AND NEW.status <> 'failed' THEN
        change := change + NEW.amount;
        fees_change := fees_change + NEW.fees;
    END IF;
    IF TG_OP <> 'INSERT' AND OLD.status <> 'failed' THEN
        change := change - OLD.amount;
        fees_change := fees_change - OLD.fees;
    END IF;
    IF change <> 0 OR fees_change <> 0 THEN
        UPDATE billing_payment SET refunds = refunds + change, fees = fees + fees_change
        WHERE id = COALESCE(NEW.payment_id, OLD.payment_id);
    END IF;
    RETURN NULL;
END $$;
DROP TRIGGER keep_refunds ON billing_refund;
CREATE TRIGGER keep_refunds AFTER INSERT OR DELETE OR UPDATE OF amount, fees, status, payment_id ON billing_refund
    FOR EACH ROW EXECUTE FUNCTION billing_keep_refunds();

-- The fees of a refund are its rows, each taxed by a tax of its own payment's invoice: looked at when the transaction
-- ends, since neither is written first.
CREATE FUNCTION billing_check_fees(refund bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM billing_refund r WHERE r.id = refund
          AND r.fees <> (SELECT COALESCE(sum(f.amount), 0) FROM billing_refundfee f WHERE f.refund_id = r.id)
    ) THEN
        RAISE EXCEPTION 'The fees of a refund are the sum of its rows.' USING ERRCODE = 'check_violation';
    END IF;
    IF EXISTS (
        SELECT FROM billing_refundfee f JOIN billing_refund r ON r.id = f.refund_id
        JOIN billing_payment p ON p.id = r.payment_id JOIN billing_invoicetax t ON t.id = f.invoice_tax_id
        WHERE f.refund_id = refund AND (t.invoice_id <> p.invoice_id OR t.rate <> f.rate OR t.category <> f.category)
    ) THEN
        RAISE EXCEPTION 'A fee is taxed as its own invoice is.' USING ERRCODE = 'check_violation';
    END IF;
END $$;
CREATE FUNCTION billing_check_fees_of_refund() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM billing_check_fees(NEW.id);
    RETURN NULL;
END $$;
CREATE FUNCTION billing_check_fees_of_row() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM billing_check_fees(COALESCE(NEW.refund_id, OLD.refund_id));
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER fees_add_up AFTER INSERT ON billing_refund DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (NEW.fees > 0) EXECUTE FUNCTION billing_check_fees_of_refund();
CREATE CONSTRAINT TRIGGER fees_change AFTER UPDATE OF fees ON billing_refund DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (NEW.fees <> OLD.fees) EXECUTE FUNCTION billing_check_fees_of_refund();
CREATE CONSTRAINT TRIGGER fees_add_up AFTER INSERT OR DELETE ON billing_refundfee DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION billing_check_fees_of_row();
CREATE TRIGGER keep_history BEFORE UPDATE ON billing_refundfee
    FOR EACH ROW EXECUTE FUNCTION billing_refuse_change();
"""
KEPT_REFUNDS = """
DROP TRIGGER keep_history ON billing_refundfee;
DROP TRIGGER fees_add_up ON billing_refundfee;
DROP TRIGGER fees_change ON billing_refund;
DROP TRIGGER fees_add_up ON billing_refund;
DROP FUNCTION billing_check_fees_of_row();
DROP FUNCTION billing_check_fees_of_refund();
DROP FUNCTION billing_check_fees(bigint);
DROP TRIGGER keep_refunds ON billing_refund;
CREATE OR REPLACE FUNCTION billing_keep_refunds() RETURNS trigger LANGUAGE plpgsql AS $$
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
"""


class Migration(migrations.Migration):

    dependencies = [("billing", "0028_review_index")]
    operations = [
        migrations.CreateModel(
            name="RefundFee",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=100, verbose_name="name")),
                ("amount", models.PositiveBigIntegerField(verbose_name="amount")),
                ("tax", models.PositiveBigIntegerField(default=0, verbose_name="tax")),
                ("rate", models.DecimalField(decimal_places=4, default=0, max_digits=7, verbose_name="rate")),
                ("category", models.CharField(default="O", max_length=2, verbose_name="category")),
                ("invoice_tax", models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="billing.invoicetax")),
                ("refund", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="fee_rows", to="billing.refund")),
            ],
            options={"verbose_name": "fee of a refund", "verbose_name_plural": "fees of refunds", "default_permissions": ()},
        ),
        migrations.AddConstraint(
            model_name="refundfee",
            constraint=models.CheckConstraint(condition=models.Q(("amount__gt", 0), ("tax__lt", models.F("amount"))), name="refund_fee_amount"),
        ),
        migrations.AddConstraint(
            model_name="refundfee",
            constraint=models.CheckConstraint(condition=models.Q(("invoice_tax__isnull", False), models.Q(("rate", 0), ("tax", 0)), _connector="OR"), name="refund_fee_tax"),
        ),
        # All at once and last, so that no table is locked for longer than these statements take.
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(COLUMNS + KEEP_REFUNDS, KEPT_REFUNDS + DROP_COLUMNS)],
            state_operations=[
                migrations.RemoveConstraint(model_name="payment", name="payment_refunds"),
                migrations.RemoveConstraint(model_name="refund", name="refund_amount"),
                migrations.RemoveConstraint(model_name="refund", name="refund_done_at_stripe"),
                migrations.AddField(
                    model_name="payment",
                    name="fees",
                    field=models.PositiveBigIntegerField(db_default=0, default=0, editable=False, verbose_name="fees kept"),
                ),
                migrations.AddField(
                    model_name="refund",
                    name="fees",
                    field=models.PositiveBigIntegerField(db_default=0, default=0, verbose_name="fees kept"),
                ),
                migrations.AddConstraint(
                    model_name="payment",
                    constraint=models.CheckConstraint(condition=models.Q(("refunds__lte", models.expressions.CombinedExpression(models.F("amount"), "-", models.F("fees")))), name="payment_refunds"),
                ),
                migrations.AddConstraint(
                    model_name="refund",
                    constraint=models.CheckConstraint(condition=models.Q(("amount__gt", 0), ("fees__gt", 0), _connector="OR"), name="refund_amount"),
                ),
                migrations.AddConstraint(
                    model_name="refund",
                    constraint=models.CheckConstraint(condition=models.Q(models.Q(("status__in", ["pending", "succeeded"]), _negated=True), ("stripe_refund_id__isnull", False), ("settled_outside", True), ("amount", 0), _connector="OR"), name="refund_done_at_stripe"),
                ),
            ],
        ),
    ]
