"""Programs of the last release go on working on the database of the next one, and on its messages.

Its code is not here, but its models are: as its migrations left them.
"""

import inspect
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.apps.registry import Apps
from django.db import DatabaseError, connection, models, transaction
from django.db.migrations.loader import MigrationLoader
from django.utils import timezone

from ecommerce.orders.cancel import cancel
from ecommerce.orders.fulfill import fulfill
from ecommerce.tasks import execute_act
from pelcro_orders.celery import app
from pelcro_orders.lint_migrations import released
from tests.support.factories import ANA, place_order

pytestmark = pytest.mark.django_db
REQUIRED = """
SELECT column_name FROM information_schema.columns
WHERE table_schema = 'public' AND table_name = %s AND is_nullable = 'NO' AND column_default IS NULL
  AND is_identity = 'NO' AND is_generated = 'NEVER' AND column_name <> ALL(%s)
"""

LENGTHS = """
SELECT column_name, character_maximum_length FROM information_schema.columns
WHERE table_schema = 'public' AND table_name = %s
"""


@pytest.fixture(scope="module")
def before() -> list[type[models.Model]]:
    """Give the models of the last release."""
    apps: Apps = MigrationLoader(None).project_state(list(released.MIGRATIONS.items())).apps
    return [model for label in released.MIGRATIONS for model in apps.get_app_config(label).get_models(True)]


def problems(before: list[type[models.Model]]) -> list[str]:
    """Say what its models can't do on the database as it is."""
    return [*_not_read(before), *_required(before), *_too_short(before), *_not_written(before)]


def _not_read(before: list[type[models.Model]]) -> Iterator[str]:
    for model in before:
        try:
            with transaction.atomic():
                list(model._base_manager.all()[:1])
        except DatabaseError as error:
            yield f"{model._meta.db_table} is not read: {error}"


def _required(before: list[type[models.Model]]) -> Iterator[str]:
    """Find columns that its INSERTs leave out, though they have no value by themselves."""
    with connection.cursor() as cursor:
        for model in before:
            known = [field.column for field in model._meta.local_concrete_fields]
            cursor.execute(REQUIRED, [model._meta.db_table, known])
            yield from (f"{model._meta.db_table}.{column} is not written" for (column,) in cursor.fetchall())


def _too_short(before: list[type[models.Model]]) -> Iterator[str]:
    with connection.cursor() as cursor:
        for model in before:
            cursor.execute(LENGTHS, [model._meta.db_table])
            lengths = dict(cursor.fetchall())
            for field in model._meta.local_concrete_fields:
                if (field.max_length or 0) > (lengths.get(field.column) or float("inf")):
                    yield f"{model._meta.db_table}.{field.column} is too short"


def _not_written(before: list[type[models.Model]]) -> Iterator[str]:
    """Write all rows that there are once more, by its models: what checks them lets them pass."""
    for model in before:
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                rows = list(model._base_manager.all())
                # Triggers would refuse it; foreign keys are checked at the end, which does not come.
                cursor.execute(f"ALTER TABLE {model._meta.db_table} DISABLE TRIGGER USER")
                cursor.execute(f"DELETE FROM {model._meta.db_table}")
                model._base_manager.bulk_create(rows)
                for row in rows:
                    row.save()
                transaction.set_rollback(True)
        except DatabaseError as error:
            yield f"{model._meta.db_table} is not written: {error}"


@pytest.mark.django_db(transaction=True)
def test_its_models_read_and_write_what_there_is(before: list[type[models.Model]]) -> None:
    fulfilled, canceled = place_order(), place_order()
    fulfill(order_id=fulfilled.pk, by=ANA, at=timezone.now())
    cancel(order_id=canceled.pk, reason="late", by=ANA, at=timezone.now())
    execute_act(act_id=canceled.acts.get(kind="cancel").pk)
    written = {model._meta.model_name for model in before if model._base_manager.exists()}
    assert {"order", "orderitem", "orderact", "invoice", "payment", "refund", "mail", "orderevent"} <= written
    assert problems(before) == []


BREAKING = {
    "ALTER TABLE ecommerce_order ADD COLUMN x int NOT NULL": "ecommerce_order.x is not written",
    "ALTER TABLE ecommerce_order DROP COLUMN hold_reason": "ecommerce_order is not read: column .*hold_reason",
    "ALTER TABLE ecommerce_order RENAME COLUMN hold_reason TO reason": "ecommerce_order is not read: column .*hold",
    "ALTER TABLE ecommerce_order RENAME TO sale": "ecommerce_order is not read: relation",
    "ALTER TABLE billing_seller ADD CHECK (name <> '') NOT VALID": "billing_seller is not written: new row",
    "ALTER TABLE billing_seller ALTER invoice_prefix TYPE varchar(2) USING ''": "seller.invoice_prefix is too short",
}
LIVING = [
    "ALTER TABLE ecommerce_order ADD COLUMN x int NOT NULL DEFAULT 0",
    "ALTER TABLE ecommerce_order ADD COLUMN x int",
    "CREATE TABLE x (y int NOT NULL)",
]


@pytest.mark.parametrize("change", BREAKING)
def test_a_change_that_it_can_not_live_with_is_seen(change: str, before: list[type[models.Model]]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(change)
    found = "; ".join(problems(before))
    assert re.search(BREAKING[change], found), found


@pytest.mark.parametrize("change", LIVING)
def test_a_change_that_it_does_not_notice_is_none(change: str, before: list[type[models.Model]]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(change)
    assert problems(before) == []


def test_its_messages_are_worked_on(before: Any) -> None:
    for name, arguments in released.TASKS.items():
        inspect.signature(app.tasks[name].run).bind(**dict.fromkeys(arguments, 1))
    known = {name for name in app.tasks if not name.startswith("celery.")}
    assert known >= {*released.TASKS}
