"""The runs of retention, and the one way to remove old rows of the log."""

import django.db.models.functions.datetime
from django.db import migrations, models

REFUSE = """
CREATE OR REPLACE FUNCTION activity_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND current_setting('activity.erasing', true) = 'on' THEN
        RETURN NEW;
    END IF;{removing}
    RAISE EXCEPTION '% is history and is not changed.', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;
"""
REMOVING = """
    IF TG_OP = 'DELETE' AND current_setting('activity.removing', true) = 'on' THEN
        RETURN OLD;
    END IF;"""
REMOVE = """
CREATE FUNCTION activity_remove(ids bigint[]) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    removed bigint;
BEGIN
    PERFORM set_config('activity.removing', 'on', true);
    DELETE FROM backoffice_activity WHERE id = ANY(ids);
    GET DIAGNOSTICS removed = ROW_COUNT;
    PERFORM set_config('activity.removing', 'off', true);
    RETURN removed;
END $$;
"""
FORWARD = REFUSE.format(removing=REMOVING) + REMOVE
BACKWARD = "DROP FUNCTION activity_remove(bigint[]);" + REFUSE.format(removing="")


class Migration(migrations.Migration):

    dependencies = [("backoffice", "0004_process_leases")]

    operations = [
        migrations.CreateModel(
            name="RetentionRun",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("kind", models.CharField(max_length=40, unique=True, verbose_name="kind")),
                (
                    "started_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), verbose_name="started"),
                ),
                ("finished_at", models.DateTimeField(blank=True, null=True, verbose_name="finished")),
                ("removed", models.PositiveBigIntegerField(default=0, verbose_name="removed")),
                ("milliseconds", models.PositiveBigIntegerField(default=0, verbose_name="took")),
                ("error", models.CharField(blank=True, max_length=200, verbose_name="error")),
            ],
            options={
                "verbose_name": "run of retention",
                "verbose_name_plural": "runs of retention",
                "default_permissions": (),
            },
        ),
        migrations.RunSQL(FORWARD, BACKWARD),
    ]
