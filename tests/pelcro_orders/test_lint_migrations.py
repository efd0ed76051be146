"""The linter of migrations refuses each kind of them that stops the shop, in a sentence, and lets the others be."""

from typing import Any

import pytest
from django.contrib.postgres.functions import RandomUUID
from django.contrib.postgres.operations import (
    AddConstraintNotValid,
    AddIndexConcurrently,
    RemoveIndexConcurrently,
    ValidateConstraint,
)
from django.db import models
from django.db.migrations import (
    AddConstraint,
    AddField,
    AddIndex,
    AlterField,
    CreateModel,
    DeleteModel,
    Migration,
    RemoveField,
    RemoveIndex,
    RenameField,
    RenameModel,
    RunPython,
    RunSQL,
    SeparateDatabaseAndState,
)
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState
from django.db.models.functions import Now

from pelcro_orders.lint_migrations import new, released
from pelcro_orders.lint_migrations.rules import Finding, findings
from pelcro_orders.lint_migrations.sql import statements_of

POSITIVE = models.CheckConstraint(condition=models.Q(total__gte=0), name="order_total")
ONCE = models.UniqueConstraint(fields=["currency", "total"], name="order_once")
VALIDATED = ValidateConstraint("order", "order_total")
ENDPOINT = models.ForeignKey("ecommerce.webhookendpoint", models.CASCADE, db_index=False)  # a constraint, too
INDEX = models.Index(fields=["currency"], name="order_currency")


@pytest.fixture(scope="module")
def state() -> ProjectState:
    """Give the models as the last release has them."""
    return MigrationLoader(None).project_state(list(released.MIGRATIONS.items()))


def lint(state: ProjectState, *operations: Operation, atomic: bool = True) -> list[Finding]:
    new_class = type("New", (Migration,), {"operations": operations, "atomic": atomic})
    migration = new_class("0099_new", "ecommerce")
    return list(findings(migration, state, statements_of(migration, state)))


def field(name: str, column: "models.Field[Any, Any]") -> AddField:
    return AddField("order", name, column)


REFUSED: list[tuple[str, list[Operation]]] = [
    ("ban-drop-default", [field("x", models.IntegerField(default=0))]),
    ("adding-required-field", [RunSQL("ALTER TABLE ecommerce_order ADD COLUMN x int NOT NULL")]),
    ("adding-not-nullable-field", [AlterField("order", "paid_at", models.DateTimeField(db_default=Now()))]),
    ("adding-field-with-default", [field("x", models.UUIDField(db_default=RandomUUID()))]),
    ("require-concurrent-index-creation", [field("x", models.IntegerField(null=True, db_index=True))]),
    ("require-concurrent-index-creation", [AddIndex("order", INDEX)]),
    ("require-concurrent-index-creation", [field("x", models.ForeignKey("billing.Card", models.PROTECT, null=True))]),
    ("require-concurrent-index-deletion", [RemoveIndex("order", "order_money_state")]),
    ("disallowed-unique-constraint", [AddConstraint("order", ONCE)]),
    ("constraint-missing-not-valid", [AddConstraint("order", POSITIVE)]),
    ("constraint-missing-not-valid", [AddConstraintNotValid("order", POSITIVE), VALIDATED]),
    ("adding-foreign-key-constraint", [AlterField("webhookdelivery", "endpoint", ENDPOINT)]),
    ("changing-column-type", [AlterField("order", "currency", models.TextField())]),
    ("changing-column-type", [AlterField("order", "total", models.DecimalField(max_digits=12, decimal_places=2))]),
    ("ban-drop-column", [RemoveField("order", "canceled_at")]),
    ("ban-drop-table", [DeleteModel("WebhookDelivery")]),
    ("renaming-column", [RenameField("order", "canceled_at", "called_off_at")]),
    ("renaming-table", [RenameModel("WebhookDelivery", "Delivery")]),
    ("rows-in-one-transaction", [RunPython(lambda apps, _: None)]),
    ("rows-in-one-transaction", [RunSQL("SELECT 1;\n  UPDATE ecommerce_order SET total = 0")]),
    ("rows-in-one-transaction", [RunSQL("DELETE FROM ecommerce_order")]),
    ("rows-in-one-transaction", [RunSQL("INSERT INTO ecommerce_orderitem SELECT 1")]),
    ("rows-in-one-transaction", [RunSQL("DO $$ BEGIN UPDATE ecommerce_order SET total = 0; END $$")]),
    ("table-locked", [RunSQL("LOCK TABLE ecommerce_order")]),
    ("table-locked", [RunSQL("TRUNCATE ecommerce_order")]),
    ("column-left-required", [SeparateDatabaseAndState(state_operations=[RemoveField("order", "currency")])]),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "operations"), REFUSED)
def test_what_stops_the_shop_is_refused_in_a_sentence(
    rule: str, operations: list[Operation], state: ProjectState
) -> None:
    found = {finding.rule: finding.why for finding in lint(state, *operations)}
    assert rule in found
    assert all(why.endswith((".", ")")) for why in found.values())


KEEP = "CREATE FUNCTION x() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN\nUPDATE ecommerce_order SET total = 0;\nEND $$"
TRIGGER = "CREATE TRIGGER x AFTER INSERT ON ecommerce_order FOR EACH ROW EXECUTE FUNCTION x()"
LET_BE: list[tuple[list[Operation], bool]] = [
    ([field("x", models.IntegerField(db_default=0))], True),
    ([field("x", models.IntegerField(null=True))], True),
    ([field("x", models.DateTimeField(db_default=Now()))], True),
    ([field("x", models.ForeignKey("billing.Card", models.PROTECT, null=True, db_index=False))], True),
    ([AlterField("order", "currency", models.CharField(max_length=3, choices=[("usd", "$")]))], True),
    ([AddConstraintNotValid("order", POSITIVE)], True),
    ([AddIndexConcurrently("order", INDEX)], False),
    ([RemoveIndexConcurrently("order", "order_money_state")], False),
    ([RunPython(lambda apps, _: None)], False),
    ([RunSQL(KEEP), RunSQL(TRIGGER)], True),
    ([SeparateDatabaseAndState(state_operations=[RemoveField("order", "canceled_at")])], True),
]  # fmt: skip


@pytest.mark.parametrize(("operations", "atomic"), LET_BE)
def test_what_stops_nothing_is_let_be(operations: list[Operation], *, atomic: bool, state: ProjectState) -> None:
    assert lint(state, *operations, atomic=atomic) == []


def test_a_new_table_may_be_anything(state: ProjectState) -> None:
    made = CreateModel(
        "Label", [("id", models.BigAutoField(primary_key=True)), ("name", models.CharField(max_length=9))]
    )
    order = AddField("label", "order", models.ForeignKey("ecommerce.order", models.CASCADE))
    named = AddConstraint("label", models.UniqueConstraint(fields=["name"], name="label_once"))
    assert lint(state, made, order, named, AddIndex("label", models.Index(fields=["name"], name="label_name"))) == []


def test_a_migration_says_why_a_rule_is_not_for_it(state: ProjectState) -> None:
    class Roles(Migration):
        lint_ignore = {"rows-in-one-transaction": "a few rows"}
        operations = [RunPython(lambda apps, _: None)]

    migration = Roles("0099_roles", "ecommerce")
    assert list(findings(migration, state, statements_of(migration, state))) == []


def test_what_was_added_since_the_last_release_is_linted(monkeypatch: pytest.MonkeyPatch) -> None:
    assert new.report() == ""
    monkeypatch.setitem(released.MIGRATIONS, "staff", "0002_last_superuser")
    said = new.report()
    assert said.startswith('staff.0003_discount_ceiling: ALTER TABLE "staff_')
    assert "use AddConstraintNotValid" in said
    assert said.endswith("spread over releases.\n")
