"""Rows written by COPY: text, with a tab between columns."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import Model


class Table:
    """Rows of one model's table, gathered until they are copied; what is left out has the model's own default."""

    def __init__(self, model: type[Model], columns: Sequence[str]) -> None:
        self.name = model._meta.db_table  # noqa: SLF001 - Django's public name for it
        left_out = [field for field in model._meta.concrete_fields if field.column not in columns]  # noqa: SLF001
        defaults = [field for field in left_out if not (field.null or field.primary_key or field.has_db_default())]
        self.columns = [*columns, *(str(field.column) for field in defaults)]
        self.tail = "".join(f"\t{_cell(field.get_default())}" for field in defaults)
        self.rows: list[str] = []

    def add(self, *values: Any) -> None:
        """Take a row. Texts must be free of tabs, line ends and backslashes."""
        self.rows.append("\t".join(map(_cell, values)) + self.tail)

    def copy(self) -> None:
        """Write what was gathered."""
        columns = ", ".join(self.columns)
        with connection.cursor() as cursor, cursor.copy(f"COPY {self.name} ({columns}) FROM STDIN") as copy:
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


def take_keys(sequence: str, count: int) -> range:
    """Take so many numbers of a sequence."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval(%s)", [sequence])
        (first,) = cursor.fetchone() or (1,)
        cursor.execute("SELECT setval(%s, %s)", [sequence, first + count - 1])
    return range(first, first + count)


def keys_of(table: str, count: int) -> range:
    """Take so many primary keys of a table."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_get_serial_sequence(%s, 'id')", [table])
        (sequence,) = cursor.fetchone() or ("",)
    return take_keys(sequence, count)


def without_haste() -> None:
    """Let this transaction's statements take as long as they take."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout TO 0; SET LOCAL lock_timeout TO 0")


def analyze(tables: Iterable[str]) -> None:
    """Have the planner look at what was written."""
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout TO 0")
        for name in tables:
            cursor.execute(f"VACUUM (ANALYZE) {name}")
