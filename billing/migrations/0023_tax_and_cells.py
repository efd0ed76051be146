# The columns of taxes and of what refunds give back. Constraints on existing tables are validated by the next
# migration, so that no table is locked while its rows are read.

import django.db.models.deletion
import django.db.models.expressions
from django.db import migrations, models

# What allocations give back is added up on the cells, where CHECKs refuse more than a cell holds. Set-wise, since a
# slice of a bulk job allocates hundreds of refunds at once. Those of failed refunds don't count.
FORWARD = """
CREATE FUNCTION billing_count_allocations() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    sign int := CASE TG_OP WHEN 'INSERT' THEN 1 ELSE -1 END;
BEGIN
    -- Whoever has a refund fail or succeed meanwhile waits, or is waited for: either counts what the other wrote.
    PERFORM FROM billing_refund r WHERE r.id IN (SELECT refund_id FROM changed) ORDER BY r.id FOR NO KEY UPDATE;
    IF EXISTS (
        SELECT FROM changed a
        JOIN billing_refund r ON r.id = a.refund_id JOIN billing_payment p ON p.id = r.payment_id
        LEFT JOIN billing_invoiceline l ON l.id = a.invoice_line_id
        LEFT JOIN billing_invoicetax t ON t.id = a.invoice_tax_id
        WHERE l.invoice_id <> p.invoice_id OR t.invoice_id <> p.invoice_id
           OR (t.id IS NOT NULL AND t.line_id IS DISTINCT FROM a.invoice_line_id)
    ) THEN
        RAISE EXCEPTION 'A refund gives back its own payment''s invoice.' USING ERRCODE = 'check_violation';
    END IF;
    UPDATE billing_invoiceline l
    SET refunded = l.refunded + sign * c.amount, refunded_quantity = l.refunded_quantity + sign * c.quantity
    FROM (SELECT a.invoice_line_id AS id, sum(a.amount) AS amount, sum(a.quantity) AS quantity
          FROM changed a JOIN billing_refund r ON r.id = a.refund_id AND r.status <> 'failed'
          WHERE a.invoice_line_id IS NOT NULL AND a.invoice_tax_id IS NULL GROUP BY 1) c
    WHERE l.id = c.id;
    UPDATE billing_invoicetax t SET refunded = t.refunded + sign * c.amount
    FROM (SELECT a.invoice_tax_id AS id, sum(a.amount) AS amount
          FROM changed a JOIN billing_refund r ON r.id = a.refund_id AND r.status <> 'failed'
          WHERE a.invoice_tax_id IS NOT NULL GROUP BY 1) c
    WHERE t.id = c.id;
    UPDATE billing_invoice i SET shipping_refunded = i.shipping_refunded + sign * c.amount
    FROM (SELECT p.invoice_id AS id, sum(a.amount) AS amount
          FROM changed a JOIN billing_refund r ON r.id = a.refund_id AND r.status <> 'failed'
          JOIN billing_payment p ON p.id = r.payment_id
          WHERE a.invoice_line_id IS NULL AND a.invoice_tax_id IS NULL GROUP BY 1) c
    WHERE i.id = c.id;
    RETURN NULL;
END $$;
CREATE TRIGGER count_new AFTER INSERT ON billing_refundallocation
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION billing_count_allocations();
CREATE TRIGGER count_deleted AFTER DELETE ON billing_refundallocation
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION billing_count_allocations();
CREATE TRIGGER keep_history BEFORE UPDATE ON billing_refundallocation
    FOR EACH ROW EXECUTE FUNCTION billing_refuse_change();

CREATE FUNCTION billing_count_refund() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    sign int := CASE NEW.status WHEN 'failed' THEN -1 ELSE 1 END;
BEGIN
    UPDATE billing_invoiceline l
    SET refunded = l.refunded + sign * a.amount, refunded_quantity = l.refunded_quantity + sign * a.quantity
    FROM billing_refundallocation a
    WHERE a.refund_id = NEW.id AND l.id = a.invoice_line_id AND a.invoice_tax_id IS NULL;
    UPDATE billing_invoicetax t SET refunded = t.refunded + sign * a.amount
    FROM billing_refundallocation a WHERE a.refund_id = NEW.id AND t.id = a.invoice_tax_id;
    UPDATE billing_invoice i SET shipping_refunded = i.shipping_refunded + sign * a.amount
    FROM billing_refundallocation a, billing_payment p
    WHERE a.refund_id = NEW.id AND a.invoice_line_id IS NULL AND a.invoice_tax_id IS NULL
      AND p.id = NEW.payment_id AND i.id = p.invoice_id;
    RETURN NULL;
END $$;
CREATE TRIGGER count_allocations AFTER UPDATE OF status ON billing_refund
    FOR EACH ROW WHEN ((OLD.status = 'failed') <> (NEW.status = 'failed'))
    EXECUTE FUNCTION billing_count_refund();

-- These sums are kept by the functions above alone.
CREATE TRIGGER keep_refunded BEFORE UPDATE OF refunded, refunded_quantity ON billing_invoiceline FOR EACH ROW
    WHEN (pg_trigger_depth() = 0 AND
          (OLD.refunded, OLD.refunded_quantity) IS DISTINCT FROM (NEW.refunded, NEW.refunded_quantity))
    EXECUTE FUNCTION billing_refuse_change();
CREATE TRIGGER keep_refunded BEFORE UPDATE OF refunded ON billing_invoicetax FOR EACH ROW
    WHEN (pg_trigger_depth() = 0 AND OLD.refunded <> NEW.refunded) EXECUTE FUNCTION billing_refuse_change();
CREATE TRIGGER keep_refunded BEFORE UPDATE OF shipping_refunded ON billing_invoice FOR EACH ROW
    WHEN (pg_trigger_depth() = 0 AND OLD.shipping_refunded <> NEW.shipping_refunded)
    EXECUTE FUNCTION billing_refuse_change();

-- What was refunded of a line is the one thing of it that changes.
DROP TRIGGER keep_history ON billing_invoiceline;
CREATE TRIGGER keep_history
    BEFORE DELETE OR UPDATE OF invoice_id, sku_code, description, quantity, unit_price, amount ON billing_invoiceline
    FOR EACH ROW EXECUTE FUNCTION billing_refuse_change();
CREATE TRIGGER keep_history
    BEFORE DELETE OR UPDATE OF invoice_id, line_id, country, region, name, rate, category, reason, taxable, amount
    ON billing_invoicetax FOR EACH ROW EXECUTE FUNCTION billing_refuse_change();
"""
BACKWARD = """
DROP TRIGGER keep_history ON billing_invoicetax;
DROP TRIGGER keep_refunded ON billing_invoice;
DROP TRIGGER keep_refunded ON billing_invoicetax;
DROP TRIGGER keep_refunded ON billing_invoiceline;
DROP TRIGGER keep_history ON billing_invoiceline;
CREATE TRIGGER keep_history BEFORE UPDATE OR DELETE ON billing_invoiceline
    FOR EACH ROW EXECUTE FUNCTION billing_refuse_change();
DROP TRIGGER count_allocations ON billing_refund;
DROP FUNCTION billing_count_refund();
DROP TRIGGER keep_history ON billing_refundallocation;
DROP TRIGGER count_deleted ON billing_refundallocation;
DROP TRIGGER count_new ON billing_refundallocation;
DROP FUNCTION billing_count_allocations();
"""

# One statement a table. The CHECKs are validated by the next migration: as Django adds a positive column, all rows are
# read under a lock that stops everybody.
COLUMNS = """
ALTER TABLE billing_invoice DROP CONSTRAINT invoice_adds_up,
    ADD COLUMN coupon_code varchar(50) DEFAULT '' NOT NULL,
    ADD COLUMN discount_reason varchar(200) DEFAULT '' NOT NULL,
    ADD COLUMN manual_discount bigint DEFAULT 0 NOT NULL,
    ADD COLUMN prices_include_tax boolean DEFAULT false NOT NULL,
    ADD COLUMN shipping_name varchar(100) DEFAULT '' NOT NULL,
    ADD COLUMN shipping_refunded bigint DEFAULT 0 NOT NULL,
    ADD COLUMN shipping_tax bigint DEFAULT 0 NOT NULL,
    ADD CONSTRAINT billing_invoice_manual_discount_check CHECK (manual_discount >= 0) NOT VALID,
    ADD CONSTRAINT billing_invoice_shipping_refunded_check CHECK (shipping_refunded >= 0) NOT VALID,
    ADD CONSTRAINT billing_invoice_shipping_tax_check CHECK (shipping_tax >= 0) NOT VALID,
    ADD CONSTRAINT invoice_adds_up CHECK (
        NOT prices_include_tax AND total = subtotal - discount + shipping + tax
        OR prices_include_tax AND total = subtotal - discount + shipping
    ) NOT VALID,
    ADD CONSTRAINT invoice_manual_discount CHECK (manual_discount <= discount) NOT VALID,
    ADD CONSTRAINT invoice_shipping_tax CHECK (shipping_tax <= tax) NOT VALID,
    ADD CONSTRAINT invoice_shipping_refunded CHECK (
        NOT prices_include_tax AND shipping_refunded <= shipping
        OR prices_include_tax AND shipping_refunded <= shipping - shipping_tax
    ) NOT VALID;
ALTER TABLE billing_invoiceline
    ADD COLUMN discount bigint DEFAULT 0 NOT NULL,
    ADD COLUMN manual_discount bigint DEFAULT 0 NOT NULL,
    ADD COLUMN prices_include_tax boolean DEFAULT false NOT NULL,
    ADD COLUMN refunded bigint DEFAULT 0 NOT NULL,
    ADD COLUMN refunded_quantity integer DEFAULT 0 NOT NULL,
    ADD COLUMN tax bigint DEFAULT 0 NOT NULL,
    ADD CONSTRAINT billing_invoiceline_discount_check CHECK (discount >= 0) NOT VALID,
    ADD CONSTRAINT billing_invoiceline_manual_discount_check CHECK (manual_discount >= 0) NOT VALID,
    ADD CONSTRAINT billing_invoiceline_refunded_check CHECK (refunded >= 0) NOT VALID,
    ADD CONSTRAINT billing_invoiceline_refunded_quantity_check CHECK (refunded_quantity >= 0) NOT VALID,
    ADD CONSTRAINT billing_invoiceline_tax_check CHECK (tax >= 0) NOT VALID,
    ADD CONSTRAINT invoice_line_discount CHECK (discount <= amount AND manual_discount <= discount) NOT VALID,
    ADD CONSTRAINT invoice_line_refunded CHECK (
        NOT prices_include_tax AND refunded <= amount - discount
        OR prices_include_tax AND refunded <= amount - discount - tax
    ) NOT VALID,
    ADD CONSTRAINT invoice_line_refunded_quantity CHECK (refunded_quantity <= quantity) NOT VALID;
"""
# A constraint goes with its columns.
DROP_COLUMNS = """
ALTER TABLE billing_invoiceline DROP COLUMN discount, DROP COLUMN manual_discount, DROP COLUMN prices_include_tax,
    DROP COLUMN refunded, DROP COLUMN refunded_quantity, DROP COLUMN tax;
ALTER TABLE billing_invoice DROP COLUMN coupon_code, DROP COLUMN discount_reason, DROP COLUMN manual_discount,
    DROP COLUMN prices_include_tax, DROP COLUMN shipping_name, DROP COLUMN shipping_refunded, DROP COLUMN shipping_tax,
    ADD CONSTRAINT invoice_adds_up CHECK (total = subtotal - discount + shipping + tax);
"""


class Migration(migrations.Migration):

    dependencies = [
        ('billing', '0022_card_attempts'),
        ('customers', '0009_user_time_zone'),
    ]

    operations = [
        migrations.CreateModel(
            name='InvoiceTax',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('country', models.CharField(blank=True, max_length=2, verbose_name='country')),
                ('region', models.CharField(blank=True, max_length=50, verbose_name='region')),
                ('name', models.CharField(max_length=100, verbose_name='name')),
                ('rate', models.DecimalField(decimal_places=4, max_digits=7, verbose_name='rate')),
                ('category', models.CharField(max_length=2, verbose_name='category')),
                ('reason', models.CharField(blank=True, max_length=200, verbose_name='reason')),
                ('taxable', models.PositiveBigIntegerField(verbose_name='taxable amount')),
                ('amount', models.PositiveBigIntegerField(verbose_name='tax')),
                ('refunded', models.PositiveBigIntegerField(db_default=0, default=0, editable=False, verbose_name='refunded')),
                ('invoice', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='taxes', to='billing.invoice')),
                ('line', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='taxes', to='billing.invoiceline')),
            ],
            options={
                'verbose_name': 'tax of an invoice',
                'verbose_name_plural': 'taxes of invoices',
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='RefundAllocation',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('quantity', models.PositiveIntegerField(default=0, verbose_name='quantity')),
                ('amount', models.PositiveBigIntegerField(verbose_name='amount')),
                ('invoice_line', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='billing.invoiceline')),
                ('invoice_tax', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='billing.invoicetax')),
                ('refund', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='allocations', to='billing.refund')),
            ],
            options={
                'verbose_name': 'allocation of a refund',
                'verbose_name_plural': 'allocations of refunds',
                'default_permissions': (),
            },
        ),
        migrations.AddConstraint(
            model_name='invoicetax',
            constraint=models.CheckConstraint(condition=models.Q(('refunded__lte', models.F('amount'))), name='invoice_tax_refunded'),
        ),
        migrations.AddConstraint(
            model_name='refundallocation',
            constraint=models.UniqueConstraint(fields=('refund', 'invoice_line', 'invoice_tax'), name='refund_cell_once', nulls_distinct=False),
        ),
        migrations.AddConstraint(
            model_name='refundallocation',
            constraint=models.CheckConstraint(condition=models.Q(('amount__gt', 0), ('quantity__gt', 0), _connector='OR'), name='refund_allocation_gives_something'),
        ),
        migrations.AddConstraint(
            model_name='refundallocation',
            constraint=models.CheckConstraint(condition=models.Q(('quantity', 0), models.Q(('invoice_line__isnull', False), ('invoice_tax', None)), _connector='OR'), name='refund_allocation_quantity'),
        ),
        # All at once and last, so that no table is locked for longer than these statements take.
        migrations.SeparateDatabaseAndState(
            # One operation: between two, Django would make all models anew.
            database_operations=[migrations.RunSQL(COLUMNS + FORWARD, BACKWARD + DROP_COLUMNS)],
            state_operations=[
                migrations.RemoveConstraint(
                    model_name='invoice',
                    name='invoice_adds_up',
                ),
                migrations.AddField(
                    model_name='invoice',
                    name='coupon_code',
                    field=models.CharField(blank=True, db_default='', default='', max_length=50, verbose_name='coupon'),
                ),
                migrations.AddField(
                    model_name='invoice',
                    name='discount_reason',
                    field=models.CharField(blank=True, db_default='', default='', max_length=200, verbose_name='reason'),
                ),
                migrations.AddField(
                    model_name='invoice',
                    name='manual_discount',
                    field=models.PositiveBigIntegerField(db_default=0, default=0, verbose_name='discount by hand'),
                ),
                migrations.AddField(
                    model_name='invoice',
                    name='prices_include_tax',
                    field=models.BooleanField(db_default=False, default=False, verbose_name='prices include tax'),
                ),
                migrations.AddField(
                    model_name='invoice',
                    name='shipping_name',
                    field=models.CharField(blank=True, db_default='', default='', max_length=100, verbose_name='shipping method'),
                ),
                migrations.AddField(
                    model_name='invoice',
                    name='shipping_refunded',
                    field=models.PositiveBigIntegerField(db_default=0, default=0, editable=False),
                ),
                migrations.AddField(
                    model_name='invoice',
                    name='shipping_tax',
                    field=models.PositiveBigIntegerField(db_default=0, default=0, verbose_name='tax on shipping'),
                ),
                migrations.AddField(
                    model_name='invoiceline',
                    name='discount',
                    field=models.PositiveBigIntegerField(db_default=0, default=0, verbose_name='discount'),
                ),
                migrations.AddField(
                    model_name='invoiceline',
                    name='manual_discount',
                    field=models.PositiveBigIntegerField(db_default=0, default=0, verbose_name='discount by hand'),
                ),
                migrations.AddField(
                    model_name='invoiceline',
                    name='prices_include_tax',
                    field=models.BooleanField(db_default=False, default=False),
                ),
                migrations.AddField(
                    model_name='invoiceline',
                    name='refunded',
                    field=models.PositiveBigIntegerField(db_default=0, default=0, editable=False, verbose_name='refunded'),
                ),
                migrations.AddField(
                    model_name='invoiceline',
                    name='refunded_quantity',
                    field=models.PositiveIntegerField(db_default=0, default=0, editable=False, verbose_name='quantity refunded'),
                ),
                migrations.AddField(
                    model_name='invoiceline',
                    name='tax',
                    field=models.PositiveBigIntegerField(db_default=0, default=0, verbose_name='tax'),
                ),
                migrations.AddConstraint(
                    model_name='invoice',
                    constraint=models.CheckConstraint(condition=models.Q(models.Q(('prices_include_tax', False), ('total', django.db.models.expressions.CombinedExpression(django.db.models.expressions.CombinedExpression(django.db.models.expressions.CombinedExpression(models.F('subtotal'), '-', models.F('discount')), '+', models.F('shipping')), '+', models.F('tax')))), models.Q(('prices_include_tax', True), ('total', django.db.models.expressions.CombinedExpression(django.db.models.expressions.CombinedExpression(models.F('subtotal'), '-', models.F('discount')), '+', models.F('shipping')))), _connector='OR'), name='invoice_adds_up'),
                ),
                migrations.AddConstraint(
                    model_name='invoice',
                    constraint=models.CheckConstraint(condition=models.Q(('manual_discount__lte', models.F('discount'))), name='invoice_manual_discount'),
                ),
                migrations.AddConstraint(
                    model_name='invoice',
                    constraint=models.CheckConstraint(condition=models.Q(('shipping_tax__lte', models.F('tax'))), name='invoice_shipping_tax'),
                ),
                migrations.AddConstraint(
                    model_name='invoice',
                    constraint=models.CheckConstraint(condition=models.Q(models.Q(('prices_include_tax', False), ('shipping_refunded__lte', models.F('shipping'))), models.Q(('prices_include_tax', True), ('shipping_refunded__lte', django.db.models.expressions.CombinedExpression(models.F('shipping'), '-', models.F('shipping_tax')))), _connector='OR'), name='invoice_shipping_refunded'),
                ),
                migrations.AddConstraint(
                    model_name='invoiceline',
                    constraint=models.CheckConstraint(condition=models.Q(('discount__lte', models.F('amount')), ('manual_discount__lte', models.F('discount'))), name='invoice_line_discount'),
                ),
                migrations.AddConstraint(
                    model_name='invoiceline',
                    constraint=models.CheckConstraint(condition=models.Q(models.Q(('prices_include_tax', False), ('refunded__lte', django.db.models.expressions.CombinedExpression(models.F('amount'), '-', models.F('discount')))), models.Q(('prices_include_tax', True), ('refunded__lte', django.db.models.expressions.CombinedExpression(django.db.models.expressions.CombinedExpression(models.F('amount'), '-', models.F('discount')), '-', models.F('tax')))), _connector='OR'), name='invoice_line_refunded'),
                ),
                migrations.AddConstraint(
                    model_name='invoiceline',
                    constraint=models.CheckConstraint(condition=models.Q(('refunded_quantity__lte', models.F('quantity'))), name='invoice_line_refunded_quantity'),
                ),
            ],
        ),
    ]
