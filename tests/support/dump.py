"""A dump of the test's database, and its restore: every table's rows and every sequence, as pg_dump carries them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from django.db import connection, transaction

TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'django_migrations'"
SEQUENCES = "SELECT sequencename, last_value FROM pg_sequences WHERE schemaname = 'public'"

COLUMNS = """
SELECT string_agg(quote_ident(attname), ',') FROM pg_attribute
WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
"""


class Dump:
    """Made when created; `restore` brings the database back to it."""

    def __init__(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute(TABLES)
            self.tables = [name for (name,) in cursor.fetchall()]
            cursor.execute(SEQUENCES)
            self.sequences = cursor.fetchall()
            cursor.execute("CREATE SCHEMA dump")
            for table in self.tables:
                cursor.execute(f"CREATE TABLE dump.{table} AS TABLE public.{table}")

    def restore(self) -> None:
        with without_triggers(self.tables), transaction.atomic(), connection.cursor() as cursor:
            # In one transaction, at whose end the foreign keys are checked.
            for table in self.tables:
                cursor.execute(f"DELETE FROM public.{table}")
            for table in self.tables:
                cursor.execute(COLUMNS, [f"public.{table}"])
                (columns,) = cursor.fetchone()
                cursor.execute(
                    f"INSERT INTO public.{table} ({columns}) OVERRIDING SYSTEM VALUE SELECT {columns} FROM dump.{table}"
                )
            for name, value in self.sequences:
                cursor.execute("SELECT setval(%s, %s, %s)", [name, value or 1, value is not None])

    def drop(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute("DROP SCHEMA dump CASCADE")


@contextmanager
def without_triggers(tables: Sequence[str]) -> Iterator[None]:
    """Take our own triggers away, as pg_restore does by making them last."""
    with connection.cursor() as cursor:
        for table in tables:
            cursor.execute(f"ALTER TABLE public.{table} DISABLE TRIGGER USER")
        yield
        for table in tables:
            cursor.execute(f"ALTER TABLE public.{table} ENABLE TRIGGER USER")
