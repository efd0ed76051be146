"""What is wrong with a migration, as sentences: squawk reads its SQL, and what isn't SQL is read here."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from django.db.migrations import Migration, RemoveField, RunPython, SeparateDatabaseAndState
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState
from django.db.models import NOT_PROVIDED

SQUAWK = Path(sys.executable).with_name("squawk")
POSTGRES = "15.0"
# `manage.py migrate` sets the time-outs; a constraint is dropped in no time; the rest is a matter of taste.
EXCLUDED = (
    "require-lock-timeout,require-statement-timeout,ban-drop-constraint,prefer-robust-stmts,prefer-text-field,"
    "prefer-bigint-over-int,prefer-bigint-over-smallint,prefer-identity"
)
BEFORE = "the release before still uses it"
EXPLAINED = {
    "adding-required-field": "The release before inserts rows without this column, and existing rows have no value: "
    "give the field db_default, or null=True.",
    "ban-drop-default": "The release before inserts rows without this column, and its default is gone after the "
    "migration: give the field db_default.",
    "adding-not-nullable-field": "All rows are read while nobody may use the table: add a CHECK (… IS NOT NULL) by "
    "AddConstraintNotValid, validate it in the next migration, and set NOT NULL after it.",
    "adding-field-with-default": "The table is written anew while nobody may use it, since each row has a value of "
    "its own: add the field with null=True, and fill it in batches.",
    "require-concurrent-index-creation": "Nobody may write to the table until the index is built: use "
    "AddIndexConcurrently in a migration with atomic = False.",
    "require-concurrent-index-deletion": "Nobody may use the table meanwhile: use RemoveIndexConcurrently in a "
    "migration with atomic = False.",
    "disallowed-unique-constraint": "Nobody may use the table until its index is built: build a unique index by CREATE "
    "UNIQUE INDEX CONCURRENTLY, and add the constraint by USING INDEX in the next migration.",
    "constraint-missing-not-valid": "All rows are read while nobody may write to the table: use AddConstraintNotValid, "
    "and ValidateConstraint in a migration of its own with atomic = False.",
    "adding-foreign-key-constraint": "All rows are read while nobody may write to either table: add it NOT VALID, and "
    "validate it in a migration of its own with atomic = False.",
    "changing-column-type": "The table may be written anew while nobody may use it, and the release before expects the "
    "old type: add a field beside it. (A varchar that becomes longer is neither: ignore the rule.)",
    "ban-drop-column": f"A column is dropped, and {BEFORE}: take the field out of the models first, by "
    "SeparateDatabaseAndState with RemoveField in its state_operations, and drop the column in the next release.",
    "ban-drop-table": f"A table is dropped, and {BEFORE}: take the model out first, by SeparateDatabaseAndState with "
    "DeleteModel in its state_operations, and drop the table in the next release.",
    "renaming-column": f"A column is renamed, and {BEFORE} by its old name: rename the field, with db_column.",
    "renaming-table": f"A table is renamed, and {BEFORE} by its old name: rename the model, with db_table.",
}
ONE_STATEMENT = (
    "One statement keeps all its rows locked: write them in batches, by RunPython in a migration with atomic = False."
)
ONE_TRANSACTION = (
    "What it writes stays locked until all is written: write in batches, each in a transaction of its own, in a "
    "migration with atomic = False. (A few rows may be written at once: ignore the rule.)"
)
# Django's Now(), which is as stable as now(), though squawk does not know it.
NOW = "(STATEMENT_TIMESTAMP())"
FUNCTION_BODY = re.compile(r"\$(\w*)\$.*?\$\1\$", re.DOTALL)
STATEMENT = re.compile(
    r"\s*(alter|create|drop|truncate|update|insert|delete|with|lock|do|vacuum|cluster)\b", re.IGNORECASE
)
WRITES = re.compile(r"\s*(update|delete\s+from|insert\s+into|with|do)\b", re.IGNORECASE)
LOCKS = re.compile(r"\s*(truncate|lock|vacuum\s+full|cluster)\b", re.IGNORECASE)
TABLE = r'(?:only\s+)?"?(\w+)"?'
CREATED = re.compile(rf"^\s*create\s+table\s+(?:if\s+not\s+exists\s+)?{TABLE}", re.IGNORECASE | re.MULTILINE)
OF_TABLE = re.compile(rf"(?:alter\s+table|insert\s+into|update|\bon)\s+{TABLE}", re.IGNORECASE)
# A new column full of NULLs is not looked through for its foreign key.
EMPTY_FOREIGN_KEY = re.compile(r'add\s+column\s+"\w+"\s+\w+\s+null\s+constraint', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong; `where` is the statement or operation."""

    rule: str
    where: str
    why: str


def findings(migration: Migration, before: ProjectState, sql: str) -> Iterator[Finding]:
    """Say what is wrong with a migration that its `lint_ignore` does not name."""
    ignored = getattr(migration, "lint_ignore", {})
    found = (*_by_squawk(sql), *_by_statement(sql), *_by_operation(migration, before))
    yield from (finding for finding in found if finding.rule not in ignored)


def _by_squawk(sql: str) -> Iterator[Finding]:
    command = [
        str(SQUAWK),
        "--reporter",
        "json",
        "--pg-version",
        POSTGRES,
        "--exclude",
        EXCLUDED,
        "--stdin-filepath",
        "m",
    ]
    done = subprocess.run(command, input=sql.replace(NOW, "now()"), text=True, capture_output=True, check=False)  # noqa: S603 - our own SQL
    lines = sql.splitlines()
    for each in json.loads(done.stdout):
        statement = _statement_at(lines, each["line"])
        rule = each["rule_name"]
        if _is_new(statement, sql) or (rule == "adding-foreign-key-constraint" and EMPTY_FOREIGN_KEY.search(statement)):
            continue
        yield Finding(rule, statement, EXPLAINED.get(rule, each["message"]))


def _statement_at(lines: list[str], number: int) -> str:
    first = next((line for line in range(number, 0, -1) if STATEMENT.match(lines[line])), number)
    return " ".join(line.strip() for line in lines[first : number + 1])


def _is_new(statement: str, sql: str) -> bool:
    """Whether the statement is about a table that this migration itself creates."""
    table = OF_TABLE.search(statement)
    return table is not None and table[1] in CREATED.findall(sql)


def _by_statement(sql: str) -> Iterator[Finding]:
    """Read what squawk leaves to others: statements that write rows, or that lock a table as long as they like."""
    for line in FUNCTION_BODY.sub("", sql).splitlines():
        if WRITES.match(line) and not _is_new(line, sql):
            yield Finding("rows-in-one-transaction", line.strip(), ONE_STATEMENT)
        if LOCKS.match(line):
            yield Finding("table-locked", line.strip(), "Nobody may use the table until it has ended.")


def _by_operation(migration: Migration, before: ProjectState) -> Iterator[Finding]:
    for operation in migration.operations:
        in_transaction = operation.atomic or (migration.atomic and operation.atomic is not False)
        if isinstance(operation, RunPython) and in_transaction:
            yield Finding("rows-in-one-transaction", operation.describe(), ONE_TRANSACTION)
        if isinstance(operation, SeparateDatabaseAndState):
            yield from _left_without_value(migration, operation.state_operations, before)


def _left_without_value(
    migration: Migration, operations: Sequence[Operation], before: ProjectState
) -> Iterator[Finding]:
    """Find fields that leave the models while their column stays, and that are missed by each row inserted then."""
    for operation in operations:
        if isinstance(operation, RemoveField):
            model = before.models[migration.app_label, operation.model_name_lower]
            field = model.fields[operation.name]
            if not field.null and not field.many_to_many and field.db_default is NOT_PROVIDED:
                why = "Its column stays, and rows inserted from now on have no value for it: give it db_default first."
                yield Finding("column-left-required", operation.describe(), why)
