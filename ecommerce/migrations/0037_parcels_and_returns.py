# The columns of parcels and returns. Constraints on existing tables are validated by the next migration, so that no
# table is locked while its rows are read.

import django.contrib.postgres.fields
import django.contrib.postgres.indexes
import django.db.models.deletion
import django.db.models.expressions
import django.db.models.functions.comparison
import django.db.models.functions.text
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


# One statement a table.
COLUMNS = """
ALTER TABLE ecommerce_order
    ADD COLUMN fulfillment_state varchar(10) DEFAULT '' NOT NULL,
    ADD COLUMN on_hold boolean DEFAULT false NOT NULL,
    ADD COLUMN hold_reason varchar(200) DEFAULT '' NOT NULL,
    ADD COLUMN hold_until timestamptz,
    ADD COLUMN assignee_id bigint,
    ADD CONSTRAINT order_partly_fulfilled_is_paid CHECK (
        fulfillment_state = '' OR (fulfillment_state = 'partial' AND status = 'paid')
    ) NOT VALID,
    ADD CONSTRAINT order_hold_reason CHECK (on_hold OR (hold_reason = '' AND hold_until IS NULL)) NOT VALID;
ALTER TABLE ecommerce_orderitem
    ADD COLUMN fulfilled integer DEFAULT 0 NOT NULL,
    ADD COLUMN canceled integer DEFAULT 0 NOT NULL,
    ADD COLUMN returned integer DEFAULT 0 NOT NULL,
    ADD CONSTRAINT ecommerce_orderitem_fulfilled_check CHECK (fulfilled >= 0) NOT VALID,
    ADD CONSTRAINT ecommerce_orderitem_canceled_check CHECK (canceled >= 0) NOT VALID,
    ADD CONSTRAINT ecommerce_orderitem_returned_check CHECK (returned >= 0) NOT VALID,
    ADD CONSTRAINT order_item_fulfilled CHECK (fulfilled <= quantity - canceled) NOT VALID,
    ADD CONSTRAINT order_item_returned CHECK (returned <= fulfilled) NOT VALID;
ALTER TABLE ecommerce_fulfillment
    ADD COLUMN further_tracking_numbers varchar(100)[] DEFAULT '{}' NOT NULL,
    ADD COLUMN voided_at timestamptz,
    ADD COLUMN voided_by varchar(200) DEFAULT '' NOT NULL,
    ADD COLUMN void_reason varchar(200) DEFAULT '' NOT NULL;
ALTER TABLE ecommerce_orderact
    ALTER COLUMN kind TYPE varchar(20),
    ADD COLUMN order_return_id bigint,
    ADD CONSTRAINT act_of_return_exists FOREIGN KEY (order_return_id) REFERENCES ecommerce_return (id)
        DEFERRABLE INITIALLY DEFERRED NOT VALID;
"""
# A constraint goes with its columns.
DROP_COLUMNS = """
ALTER TABLE ecommerce_orderact DROP COLUMN order_return_id;
ALTER TABLE ecommerce_fulfillment DROP COLUMN further_tracking_numbers, DROP COLUMN voided_at, DROP COLUMN voided_by,
    DROP COLUMN void_reason;
ALTER TABLE ecommerce_orderitem DROP COLUMN fulfilled, DROP COLUMN canceled, DROP COLUMN returned;
ALTER TABLE ecommerce_order DROP COLUMN fulfillment_state, DROP COLUMN on_hold, DROP COLUMN hold_reason,
    DROP COLUMN hold_until, DROP COLUMN assignee_id;
"""

# What parcels hold, and what came back, is added up on the items, where CHECKs refuse more than there is. Set-wise for
# parcels, since a slice of a bulk job sends hundreds at once.
TRIGGERS = """
CREATE FUNCTION ecommerce_keep() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is written by its triggers alone.', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;
CREATE FUNCTION ecommerce_count_sent() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM changed c JOIN ecommerce_fulfillment f ON f.id = c.fulfillment_id
        LEFT JOIN ecommerce_orderitem i ON i.id = c.item_id
        WHERE i.order_id IS DISTINCT FROM f.order_id OR f.voided_at IS NOT NULL
    ) THEN
        RAISE EXCEPTION 'A parcel holds items of its own order.' USING ERRCODE = 'check_violation';
    END IF;
    UPDATE ecommerce_orderitem i SET fulfilled = i.fulfilled + c.quantity
    FROM (SELECT item_id, sum(quantity) AS quantity FROM changed GROUP BY 1) c WHERE i.id = c.item_id;
    RETURN NULL;
END $$;
CREATE TRIGGER count_sent AFTER INSERT ON ecommerce_fulfillmentitem
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION ecommerce_count_sent();
CREATE TRIGGER keep_history BEFORE UPDATE OR DELETE ON ecommerce_fulfillmentitem
    FOR EACH ROW EXECUTE FUNCTION ecommerce_keep();

CREATE FUNCTION ecommerce_count_voided() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.voided_at IS NULL THEN
        RAISE EXCEPTION 'A voided parcel stays void.' USING ERRCODE = 'check_violation';
    END IF;
    UPDATE ecommerce_orderitem i SET fulfilled = i.fulfilled - c.quantity
    FROM ecommerce_fulfillmentitem c WHERE c.fulfillment_id = NEW.id AND i.id = c.item_id;
    RETURN NULL;
END $$;
CREATE TRIGGER count_voided AFTER UPDATE OF voided_at ON ecommerce_fulfillment
    FOR EACH ROW WHEN ((OLD.voided_at IS NULL) <> (NEW.voided_at IS NULL))
    EXECUTE FUNCTION ecommerce_count_voided();

CREATE FUNCTION ecommerce_count_returned() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    before int := CASE TG_OP WHEN 'UPDATE' THEN OLD.received ELSE 0 END;
BEGIN
    IF NEW.received < before OR NOT EXISTS (
        SELECT FROM ecommerce_orderitem i JOIN ecommerce_return r ON r.order_id = i.order_id
        WHERE i.id = NEW.item_id AND r.id = NEW.order_return_id
    ) THEN
        RAISE EXCEPTION 'A return receives items of its own order, and takes none back.'
            USING ERRCODE = 'check_violation';
    END IF;
    UPDATE ecommerce_orderitem i SET returned = i.returned + NEW.received - before
    WHERE i.id = NEW.item_id AND NEW.received <> before;
    RETURN NULL;
END $$;
CREATE TRIGGER count_returned AFTER INSERT OR UPDATE ON ecommerce_returnitem
    FOR EACH ROW EXECUTE FUNCTION ecommerce_count_returned();
CREATE TRIGGER keep_received BEFORE DELETE ON ecommerce_returnitem
    FOR EACH ROW WHEN (OLD.received > 0) EXECUTE FUNCTION ecommerce_keep();

-- These sums are kept by the functions above alone.
CREATE TRIGGER keep_sent BEFORE UPDATE OF fulfilled, returned ON ecommerce_orderitem FOR EACH ROW
    WHEN (pg_trigger_depth() = 0 AND (OLD.fulfilled, OLD.returned) IS DISTINCT FROM (NEW.fulfilled, NEW.returned))
    EXECUTE FUNCTION ecommerce_keep();
"""
DROP_TRIGGERS = """
DROP TRIGGER keep_sent ON ecommerce_orderitem;
DROP TRIGGER keep_received ON ecommerce_returnitem;
DROP TRIGGER count_returned ON ecommerce_returnitem;
DROP FUNCTION ecommerce_count_returned();
DROP TRIGGER count_voided ON ecommerce_fulfillment;
DROP FUNCTION ecommerce_count_voided();
DROP TRIGGER keep_history ON ecommerce_fulfillmentitem;
DROP TRIGGER count_sent ON ecommerce_fulfillmentitem;
DROP FUNCTION ecommerce_count_sent();
DROP FUNCTION ecommerce_keep();
"""


class Migration(migrations.Migration):

    dependencies = [
        ('billing', '0026_tax_report'),
        ('customers', '0010_tax_ids'),
        ('ecommerce', '0036_roles_discount'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RunSQL('CREATE SEQUENCE ecommerce_return_number START 1001', 'DROP SEQUENCE ecommerce_return_number'),
        migrations.CreateModel(
            name='FulfillmentItem',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('quantity', models.PositiveIntegerField(verbose_name='quantity')),
            ],
            options={
                'verbose_name': 'item of a fulfillment',
                'verbose_name_plural': 'items of fulfillments',
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='Return',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('by_kind', models.CharField(choices=[('staff', 'Staff'), ('customer', 'Customer'), ('api_key', 'API key'), ('system', 'System'), ('stripe', 'Stripe')], max_length=10, verbose_name='by kind')),
                ('by_label', models.CharField(max_length=200, verbose_name='by')),
                ('number', models.CharField(db_default=django.db.models.functions.text.Concat(models.Value('RMA-'), django.db.models.functions.comparison.Cast(models.Func(models.Value('ecommerce_return_number'), function='nextval'), models.CharField(max_length=20))), editable=False, max_length=30, unique=True, verbose_name='number')),
                ('status', models.CharField(choices=[('requested', 'Requested'), ('approved', 'Approved'), ('received', 'Received'), ('closed', 'Closed'), ('declined', 'Declined'), ('canceled', 'Canceled')], default='requested', max_length=10, verbose_name='status')),
                ('reason', models.CharField(blank=True, max_length=200, verbose_name='reason')),
                ('note', models.TextField(blank=True, verbose_name='note')),
                ('answer', models.TextField(blank=True, verbose_name='answer to the customer')),
                ('is_withdrawal', models.BooleanField(default=False, verbose_name='withdrawal from the contract')),
                ('requested_at', models.DateTimeField(default=django.utils.timezone.now, verbose_name='requested')),
                ('approved_at', models.DateTimeField(blank=True, null=True, verbose_name='approved')),
                ('received_at', models.DateTimeField(blank=True, null=True, verbose_name='received')),
                ('closed_at', models.DateTimeField(blank=True, null=True, verbose_name='closed')),
            ],
            options={
                'verbose_name': 'return',
                'verbose_name_plural': 'returns',
                'permissions': [('handle_return', 'Can approve, receive and close returns')],
                'default_permissions': ('view',),
            },
        ),
        migrations.CreateModel(
            name='ReturnItem',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('quantity', models.PositiveIntegerField(verbose_name='quantity')),
                ('received', models.PositiveIntegerField(default=0, verbose_name='received')),
                ('condition', models.CharField(blank=True, choices=[('resellable', 'Resellable'), ('damaged', 'Damaged'), ('missing', 'Missing')], max_length=10, verbose_name='condition')),
                ('restock', models.BooleanField(default=False, verbose_name='put back in stock')),
            ],
            options={
                'verbose_name': 'item of a return',
                'verbose_name_plural': 'items of returns',
                'default_permissions': (),
            },
        ),
        migrations.AddField(
            model_name='fulfillmentitem',
            name='fulfillment',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='items', to='ecommerce.fulfillment'),
        ),
        migrations.AddField(
            model_name='fulfillmentitem',
            name='item',
            field=models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='fulfillment_items', to='ecommerce.orderitem'),
        ),
        migrations.AddField(
            model_name='return',
            name='by_user',
            field=models.ForeignKey(blank=True, db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='user'),
        ),
        migrations.AddField(
            model_name='return',
            name='order',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='returns', to='ecommerce.order', verbose_name='order'),
        ),
        migrations.AddField(
            model_name='returnitem',
            name='item',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='return_items', to='ecommerce.orderitem', verbose_name='item'),
        ),
        migrations.AddField(
            model_name='returnitem',
            name='order_return',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='items', to='ecommerce.return', verbose_name='return'),
        ),
        migrations.AddConstraint(
            model_name='fulfillmentitem',
            constraint=models.UniqueConstraint(fields=('fulfillment', 'item'), name='fulfillment_item_once'),
        ),
        migrations.AddConstraint(
            model_name='fulfillmentitem',
            constraint=models.CheckConstraint(condition=models.Q(('quantity__gte', 1)), name='fulfillment_item_quantity'),
        ),
        migrations.AddIndex(
            model_name='return',
            index=models.Index(fields=['status', 'id'], name='return_status'),
        ),
        migrations.AddConstraint(
            model_name='return',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('closed_at', None), ('status__in', ('requested', 'approved', 'received'))), models.Q(('closed_at__isnull', False), ('status__in', ('closed', 'declined', 'canceled'))), _connector='OR'), name='return_closed'),
        ),
        migrations.AddConstraint(
            model_name='return',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('status__in', ('received', 'closed')), _negated=True), ('received_at__isnull', False), _connector='OR'), name='return_received'),
        ),
        migrations.AddConstraint(
            model_name='returnitem',
            constraint=models.UniqueConstraint(fields=('order_return', 'item', 'condition'), name='return_item_once'),
        ),
        migrations.AddConstraint(
            model_name='returnitem',
            constraint=models.CheckConstraint(condition=models.Q(('quantity__gte', 1)), name='return_item_quantity'),
        ),
        migrations.AddConstraint(
            model_name='returnitem',
            constraint=models.CheckConstraint(condition=models.Q(('received__lte', models.F('quantity'))), name='return_item_received'),
        ),
        migrations.AddConstraint(
            model_name='returnitem',
            constraint=models.CheckConstraint(condition=models.Q(('received', 0), ('condition__in', ('resellable', 'damaged')), _connector='OR'), name='return_item_condition'),
        ),
        migrations.AddConstraint(
            model_name='returnitem',
            constraint=models.CheckConstraint(condition=models.Q(('restock', False), ('condition', 'resellable'), _connector='OR'), name='return_item_restock'),
        ),
        # All at once and last, so that no table is locked for longer than these statements take.
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(COLUMNS + TRIGGERS, DROP_TRIGGERS + DROP_COLUMNS)],
            state_operations=[
                migrations.AlterModelOptions(
                    name='order',
                    options={'permissions': [('fulfill_order', 'Can fulfill orders'), ('fulfill_attention_order', 'Can fulfill orders that need attention'), ('undo_fulfillment', 'Can undo fulfillments'), ('cancel_order', 'Can cancel orders'), ('return_order', 'Can return orders'), ('export_order', 'Can export orders'), ('discount_order', 'Can give discounts by hand'), ('override_shipping', 'Can change the price of shipping'), ('correct_address', 'Can correct the address of placed orders'), ('hold_order', 'Can put orders on hold and release them'), ('organize_order', 'Can write notes, set tags and assign orders')], 'verbose_name': 'order', 'verbose_name_plural': 'orders'},
                ),
                migrations.AddField(
                    model_name='fulfillment',
                    name='further_tracking_numbers',
                    field=django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=100), blank=True, db_default=[], default=list, size=None, verbose_name='further tracking numbers'),
                ),
                migrations.AddField(
                    model_name='fulfillment',
                    name='void_reason',
                    field=models.CharField(blank=True, db_default='', default='', editable=False, max_length=200, verbose_name='reason'),
                ),
                migrations.AddField(
                    model_name='fulfillment',
                    name='voided_at',
                    field=models.DateTimeField(blank=True, editable=False, null=True, verbose_name='voided'),
                ),
                migrations.AddField(
                    model_name='fulfillment',
                    name='voided_by',
                    field=models.CharField(blank=True, db_default='', default='', editable=False, max_length=200, verbose_name='voided by'),
                ),
                migrations.AddField(
                    model_name='order',
                    name='assignee',
                    field=models.ForeignKey(blank=True, db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='assigned to'),
                ),
                migrations.AddField(
                    model_name='order',
                    name='fulfillment_state',
                    field=models.CharField(blank=True, choices=[('partial', 'Partly fulfilled')], db_default='', default='', editable=False, max_length=10, verbose_name='fulfillment'),
                ),
                migrations.AddField(
                    model_name='order',
                    name='hold_reason',
                    field=models.CharField(blank=True, db_default='', default='', max_length=200, verbose_name='reason of the hold'),
                ),
                migrations.AddField(
                    model_name='order',
                    name='hold_until',
                    field=models.DateTimeField(blank=True, null=True, verbose_name='on hold until'),
                ),
                migrations.AddField(
                    model_name='order',
                    name='on_hold',
                    field=models.BooleanField(db_default=False, default=False, editable=False, verbose_name='on hold'),
                ),
                migrations.AddField(
                    model_name='orderitem',
                    name='canceled',
                    field=models.PositiveIntegerField(db_default=0, default=0, editable=False, verbose_name='canceled'),
                ),
                migrations.AddField(
                    model_name='orderitem',
                    name='fulfilled',
                    field=models.PositiveIntegerField(db_default=0, default=0, editable=False, verbose_name='fulfilled'),
                ),
                migrations.AddField(
                    model_name='orderitem',
                    name='returned',
                    field=models.PositiveIntegerField(db_default=0, default=0, editable=False, verbose_name='returned'),
                ),
                migrations.AlterField(
                    model_name='orderact',
                    name='kind',
                    field=models.CharField(choices=[('pay', 'Payment'), ('cancel', 'Cancellation'), ('cancel_items', 'Cancellation of items'), ('return', 'Return'), ('refund', 'Refund')], max_length=20, verbose_name='kind'),
                ),
                migrations.AlterField(
                    model_name='orderevent',
                    name='kind',
                    field=models.CharField(choices=[('created', 'Created'), ('payment_requested', 'Payment requested'), ('authentication_required', 'Authentication required'), ('payment_failed', 'Payment failed'), ('price_changed', 'Price changed'), ('payment_adopted', 'Late payment adopted'), ('paid', 'Paid'), ('partly_fulfilled', 'Partly fulfilled'), ('fulfilled', 'Fulfilled'), ('fulfillment_undone', 'Fulfillment undone'), ('tracking_changed', 'Tracking corrected'), ('cancel_requested', 'Cancellation requested'), ('canceled', 'Canceled'), ('items_cancel_requested', 'Cancellation of items requested'), ('items_canceled', 'Items canceled'), ('cancellation_asked', 'The customer asked to cancel'), ('cancellation_declined', 'Cancellation declined'), ('withdrawn', 'Withdrawn from the contract'), ('return_opened', 'Return opened'), ('return_approved', 'Return approved'), ('return_declined', 'Return declined'), ('return_canceled', 'Return canceled'), ('return_received', 'Return received'), ('return_closed', 'Return closed'), ('return_requested', 'Refund of a return requested'), ('returned', 'Returned'), ('refund_requested', 'Refund requested'), ('auto_refund', 'Automatic refund requested'), ('refund_pending', 'Refund pending'), ('refunded', 'Refunded'), ('refund_succeeded', 'Refund succeeded'), ('refund_failed', 'Refund failed'), ('request_stopped', 'Request stopped'), ('sent_again', 'Sent again'), ('settled_outside', 'Settled outside Stripe'), ('disputed', 'Disputed'), ('dispute_won', 'Dispute won'), ('dispute_lost', 'Dispute lost'), ('address_changed', 'Address corrected'), ('note_added', 'Note'), ('tags_changed', 'Tags changed'), ('held', 'Put on hold'), ('released', 'Released'), ('assigned', 'Assigned')], max_length=40, verbose_name='kind'),
                ),
                migrations.AddConstraint(
                    model_name='order',
                    constraint=models.CheckConstraint(condition=models.Q(('fulfillment_state', ''), models.Q(('fulfillment_state', 'partial'), ('status', 'paid')), _connector='OR'), name='order_partly_fulfilled_is_paid'),
                ),
                migrations.AddConstraint(
                    model_name='order',
                    constraint=models.CheckConstraint(condition=models.Q(('on_hold', True), models.Q(('hold_reason', ''), ('hold_until', None)), _connector='OR'), name='order_hold_reason'),
                ),
                migrations.AddConstraint(
                    model_name='orderitem',
                    constraint=models.CheckConstraint(condition=models.Q(('fulfilled__lte', django.db.models.expressions.CombinedExpression(models.F('quantity'), '-', models.F('canceled')))), name='order_item_fulfilled'),
                ),
                migrations.AddConstraint(
                    model_name='orderitem',
                    constraint=models.CheckConstraint(condition=models.Q(('returned__lte', models.F('fulfilled'))), name='order_item_returned'),
                ),
                migrations.AddField(
                    model_name='orderact',
                    name='order_return',
                    field=models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='acts', to='ecommerce.return', verbose_name='return'),
                ),
            ],
        ),
    ]
