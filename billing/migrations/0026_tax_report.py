"""Find the credit notes of a month; and let an erasure take a person's words out of what invoices say."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models

FORWARD = """
CREATE OR REPLACE FUNCTION billing_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- ecommerce.erasure says so for its own transactions: no amount, rate or date can change even then.
    IF TG_OP = 'UPDATE' AND current_setting('pelcro.erasing', true) = 'on'
        AND to_jsonb(NEW) - ARRAY['description', 'sku_code', 'name', 'region', 'reason']
            = to_jsonb(OLD) - ARRAY['description', 'sku_code', 'name', 'region', 'reason'] THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION '% is history and is not changed.', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;
"""
BACKWARD = """
CREATE OR REPLACE FUNCTION billing_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is history and is not changed.', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;
"""


class Migration(migrations.Migration):

    atomic = False
    dependencies = [("billing", "0025_tax_transactions")]
    operations = [
        migrations.RunSQL(FORWARD, BACKWARD),
        AddIndexConcurrently(
            "creditnote",
            models.Index(fields=["issued_at"], condition=models.Q(voided_at=None), name="credit_note_issued"),
        ),
    ]
