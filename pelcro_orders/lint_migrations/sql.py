"""The SQL of a migration, written without a database."""

from types import TracebackType
from typing import Any, Self

from django.db import connection
from django.db.backends.postgresql.base import DatabaseWrapper
from django.db.backends.postgresql.schema import DatabaseSchemaEditor
from django.db.migrations import Migration
from django.db.migrations.state import ProjectState


class Unconnected(DatabaseWrapper):
    pg_version = 150_000  # the oldest that is supported


class Writer(DatabaseSchemaEditor):
    """Collects statements; what others would look up in the database it takes as absent."""

    def __init__(self) -> None:
        super().__init__(Unconnected(connection.settings_dict), collect_sql=True, atomic=False)
        self.atomic_migration = True  # else Migration.apply opens a transaction, and so a connection

    def __enter__(self) -> Self:
        self.deferred_sql: list[Any] = []
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            for statement in self.deferred_sql:
                self.execute(statement, None)

    def execute(self, sql: Any, params: Any = ()) -> None:
        text = str(sql) if params is None else str(sql) % tuple(map(self.quote_value, params))
        self.collected_sql.append(text if text.rstrip().endswith(";") else f"{text};")

    def _constraint_names(self, *_arguments: Any, **_options: Any) -> list[str]:
        return []


def statements_of(migration: Migration, before: ProjectState) -> str:
    """Return what the migration runs, in a transaction where it runs in one; nothing of its Python."""
    with Writer() as writer:
        migration.apply(before.clone(), writer, collect_sql=True)
    body = "\n".join(writer.collected_sql)
    return f"BEGIN;\n{body}\nCOMMIT;\n" if migration.atomic else f"{body}\n"
