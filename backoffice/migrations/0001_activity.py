"""The table of Activity, its words, who is behind a statement, and the one way to erase a person from it."""

import backoffice.models
import django.contrib.postgres.indexes
import django.db.models.functions.datetime
from django.db import migrations, models

WORDS = """
CREATE FUNCTION activity_words(by_label text, object_label text, through text, note text, address text, changes jsonb)
RETURNS tsvector LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN search_vector(by_label || ' ' || object_label || ' ' || through || ' ' || left(note, 8000) || ' ' || address
    || ' ' || left(changes::text, 8000));
"""
FORWARD = """
-- Null: recorded elsewhere. A statement that the application did not send names the database's user alone.
CREATE FUNCTION activity_origin() RETURNS jsonb LANGUAGE plpgsql STABLE AS $$
DECLARE
    named text := substring(left(current_query(), 6000) from '^/[*]activity:([A-Za-z0-9+/=]*)[*]/');
BEGIN
    IF named IS NULL THEN
        RETURN jsonb_build_object('by_kind', 'database', 'by_label', session_user);
    END IF;
    RETURN CASE WHEN named <> '' THEN convert_from(decode(named, 'base64'), 'UTF8')::jsonb END;
END $$;

CREATE FUNCTION activity_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND current_setting('activity.erasing', true) = 'on' THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION '% is history and is not changed.', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER keep_history BEFORE UPDATE OR DELETE ON backoffice_activity
    FOR EACH ROW EXECUTE FUNCTION activity_refuse_change();

CREATE FUNCTION activity_holds(stored text, words text[]) RETURNS boolean LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN EXISTS (SELECT FROM unnest(words) AS word WHERE position(lower(word) IN lower(stored)) > 0);

-- `objects` are "model:id". What was done stays, with its fields; whom it names, and the values, become "erased".
CREATE FUNCTION activity_erase(objects text[], users bigint[], words text[]) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    written text[] := words || (SELECT array_agg(btrim(to_jsonb(word)::text, '"')) FROM unnest(words) AS word);
    erased bigint;
BEGIN
    PERFORM set_config('activity.erasing', 'on', true);
    UPDATE backoffice_activity a SET
        by_label = CASE WHEN found.done_by OR activity_holds(a.by_label, words) THEN 'erased' ELSE a.by_label END,
        address = CASE WHEN found.done_by THEN '' ELSE a.address END,
        through = CASE WHEN found.done_by OR activity_holds(a.through, words) THEN '' ELSE a.through END,
        object_label = CASE WHEN found.done_to OR activity_holds(a.object_label, words)
            THEN 'erased' ELSE a.object_label END,
        note = CASE WHEN a.note <> '' AND (found.done_to OR activity_holds(a.note, words))
            THEN 'erased' ELSE a.note END,
        changes = CASE WHEN found.done_to OR activity_holds(a.changes::text, written) THEN (
            SELECT coalesce(jsonb_object_agg(each.key, '["erased", "erased"]'::jsonb), '{}')
            FROM jsonb_each(a.changes) AS each
        ) ELSE a.changes END
    FROM (
        SELECT id, coalesce(by_user_id = ANY(users), false) AS done_by,
            coalesce(object_type || ':' || object_id = ANY(objects), false) AS done_to
        FROM backoffice_activity
    ) AS found
    WHERE a.id = found.id AND (found.done_by OR found.done_to OR activity_holds(
        concat_ws(' ', a.by_label, a.through, a.object_label, a.note, a.changes::text), written
    ));
    GET DIAGNOSTICS erased = ROW_COUNT;
    PERFORM set_config('activity.erasing', 'off', true);
    RETURN erased;
END $$;
"""
BACKWARD = """
DROP FUNCTION activity_erase(text[], bigint[], text[]);
DROP FUNCTION activity_holds(text, text[]);
DROP TRIGGER keep_history ON backoffice_activity;
DROP FUNCTION activity_refuse_change();
DROP FUNCTION activity_origin();
"""


class Migration(migrations.Migration):

    initial = True

    # For search_vector(), which makes words of texts in any script.
    dependencies = [("customers", "0005_search_words")]

    operations = [
        migrations.RunSQL(WORDS, "DROP FUNCTION activity_words(text, text, text, text, text, jsonb);"),
        migrations.CreateModel(
            name='Activity',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False, verbose_name='when')),
                ('by_kind', models.CharField(choices=[('staff', 'Staff'), ('customer', 'Customer'), ('api_key', 'API key'), ('system', 'System'), ('stripe', 'Stripe'), ('command', 'Command line'), ('database', 'Database')], max_length=10, verbose_name='by kind')),
                ('by_user_id', models.BigIntegerField(null=True, verbose_name='user')),
                ('by_label', models.CharField(max_length=200, verbose_name='who')),
                ('address', models.CharField(db_default='', max_length=45, verbose_name='from where')),
                ('through', models.CharField(db_default='', max_length=200, verbose_name='through')),
                ('act', models.CharField(choices=[('added', 'Added'), ('changed', 'Changed'), ('deleted', 'Deleted'), ('started', 'Started'), ('stopped', 'Stopped'), ('resumed', 'Resumed'), ('retried', 'Retried'), ('imported', 'Imported'), ('exported', 'Exported'), ('downloaded', 'Downloaded'), ('sent_again', 'Sent again'), ('ended', 'Ended'), ('signed_in', 'Signed in'), ('signed_out', 'Signed out'), ('sign_in_failed', 'Failed to sign in')], max_length=20, verbose_name='act')),
                ('kind', models.CharField(choices=[('price', 'Prices'), ('stock', 'Stock'), ('catalogue', 'Products and SKUs'), ('coupon', 'Coupons'), ('customer', 'Customers'), ('address', 'Addresses'), ('right', 'Rights and roles'), ('staff', 'Users'), ('key', 'API keys'), ('import', 'Imports'), ('export', 'Exports'), ('job', 'Bulk jobs'), ('webhook', 'Webhooks'), ('mail', 'Mails'), ('difference', 'Differences'), ('sign_in', 'Sign-ins')], max_length=20, verbose_name='kind')),
                ('object_type', models.CharField(db_default='', max_length=60, verbose_name='object')),
                ('object_id', models.BigIntegerField(null=True)),
                ('object_label', models.CharField(db_default='', max_length=200)),
                ('currency', models.CharField(db_default='', max_length=3)),
                ('changes', models.JSONField(default=dict, verbose_name='old and new')),
                ('note', models.TextField(db_default='', verbose_name='note')),
            ],
            options={
                'verbose_name': 'activity',
                'verbose_name_plural': 'activity',
                'default_permissions': ('view',),
                'indexes': [models.Index(fields=['kind', '-id'], name='activity_kind'), models.Index(fields=['by_user_id', '-id'], name='activity_by'), models.Index(fields=['by_kind', '-id'], name='activity_by_kind'), models.Index(fields=['object_type', 'object_id', '-id'], name='activity_object'), models.Index(fields=['at'], name='activity_at'), django.contrib.postgres.indexes.GinIndex(backoffice.models.ActivityWords('by_label', 'object_label', 'through', 'note', 'address', 'changes'), name='activity_search')],
            },
        ),
        migrations.RunSQL(FORWARD, BACKWARD),
    ]
