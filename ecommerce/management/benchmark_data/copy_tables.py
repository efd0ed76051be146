"""Writing rows by COPY, in its text format, and reserving their primary keys beforehand."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import Model

from backoffice.activity.origin import SILENT


class TableBuffer:
    """Rows of one model's table until they are copied; columns that are not given have the field's default."""

    def __init__(self, model: type[Model], columns: Sequence[str]) -> None:
        self.name = model._meta.db_table  # noqa: SLF001 - Django's public name for it
        missing = [field for field in model._meta.concrete_fields if field.column not in columns]  # noqa: SLF001
        defaults = [field for field in missing if not (field.null or field.primary_key or field.has_db_default())]
        self.columns = [*columns, *(str(field.column) for field in defaults)]
        self.defaults = "".join(f"\t{_cell(field.get_default())}" for field in defaults)
        self.rows: list[str] = []

    def add(self, *values: Any) -> None:
        """Texts must be free of tabs, line ends and backslashes."""
        self.rows.append("\t".join(map(_cell, values)) + self.defaults)

    def copy(self) -> None:
        columns = ", ".join(self.columns)
        with connection.cursor() as cursor, cursor.copy(f"{SILENT}COPY {self.name} ({columns}) FROM STDIN") as copy:
            copy.write("\n".join([*self.rows, ""]) if self.rows else "")
        self.rows.clear()


def _cell(value: Any) -> str:
    if value is None:
        return r"\N"
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bool):
        return "t" if value else "f"
    return str(value)


def reserve_numbers(sequence: str, count: int) -> range:
    # Two commands at once would reserve the same numbers: a benchmark has the database to itself.
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval(%s)", [sequence])
        (first,) = cursor.fetchone() or (1,)
        cursor.execute("SELECT setval(%s, %s)", [sequence, first + count - 1])
    return range(first, first + count)


def reserve_ids(table: str, count: int) -> range:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_get_serial_sequence(%s, 'id')", [table])
        (sequence,) = cursor.fetchone() or ("",)
    return reserve_numbers(sequence, count)


def without_timeouts() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout TO 0; SET LOCAL lock_timeout TO 0")


def analyze(tables: Iterable[str]) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout TO 0")
        for name in tables:
            cursor.execute(f"VACUUM (ANALYZE) {name}")
