"""Triggers that record each change of a table's rows, whoever writes them: forms, bulk statements, SQL by hand.

They run once a statement, read the rows it changed from PostgreSQL's transition tables, and insert all records by one
statement: an import of 50,000 rows costs no more statements than it had.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

COLUMNS = """by_kind, by_user_id, by_label, address, through,
        act, kind, object_type, object_id, object_label, currency, changes"""
ORIGIN = """origin ->> 'by_kind', (origin ->> 'by_user_id')::bigint, origin ->> 'by_label',
        coalesce(origin ->> 'address', ''), coalesce(origin ->> 'through', '')"""

FUNCTION = """
CREATE OR REPLACE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    origin jsonb := activity_origin();
BEGIN
    IF origin IS NULL THEN
        RETURN NULL;
    END IF;
{body}
    RETURN NULL;
END $$;
"""
TRIGGERS = """
DROP TRIGGER IF EXISTS activity_insert ON {table};
DROP TRIGGER IF EXISTS activity_update ON {table};
DROP TRIGGER IF EXISTS activity_delete ON {table};
CREATE TRIGGER activity_insert AFTER INSERT ON {table}
    REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION {function}();
CREATE TRIGGER activity_update AFTER UPDATE ON {table}
    REFERENCING OLD TABLE AS removed NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION {function}();
CREATE TRIGGER activity_delete AFTER DELETE ON {table}
    REFERENCING OLD TABLE AS removed FOR EACH STATEMENT EXECUTE FUNCTION {function}();
"""
ROWS = """    IF TG_OP = 'UPDATE' THEN
        INSERT INTO backoffice_activity ({columns})
        SELECT {origin}, 'changed', c.kind, '{model}', r.id, left(coalesce({label}, ''), 200), {currency}, c.changes
        FROM removed o JOIN written r ON r.id = o.id CROSS JOIN LATERAL (
            SELECT v.kind, jsonb_object_agg(v.name, jsonb_build_array(v.old, v.new)) AS changes
            FROM (VALUES {both}) v(kind, name, old, new)
            WHERE v.old IS DISTINCT FROM v.new GROUP BY v.kind
        ) c ORDER BY r.id, c.kind;
    ELSIF TG_OP = 'INSERT' THEN
        INSERT INTO backoffice_activity ({columns})
        SELECT {origin}, 'added', '{kind}', '{model}', r.id, left(coalesce({label}, ''), 200), {currency}, (
            SELECT coalesce(jsonb_object_agg(v.name, jsonb_build_array(NULL, v.value)), '{{}}')
            FROM (VALUES {one}) v(name, value) WHERE v.value NOT IN ('""', 'null')
        ) FROM written r ORDER BY r.id;
    ELSE
        INSERT INTO backoffice_activity ({columns})
        SELECT {origin}, 'deleted', '{kind}', '{model}', r.id, left(coalesce({label}, ''), 200), {currency}, (
            SELECT coalesce(jsonb_object_agg(v.name, jsonb_build_array(v.value, NULL)), '{{}}')
            FROM (VALUES {one}) v(name, value) WHERE v.value NOT IN ('""', 'null')
        ) FROM removed r ORDER BY r.id;
    END IF;"""
LINKS = """    IF TG_OP <> 'DELETE' THEN
        INSERT INTO backoffice_activity ({columns})
        SELECT {origin}, 'changed', '{kind}', '{model}', l.{owner}, left(coalesce(max({label}), ''), 200), '',
            jsonb_build_object('{name}', jsonb_build_array(NULL, jsonb_agg(t.name ORDER BY t.name)))
        FROM written l LEFT JOIN {target_table} t ON t.id = l.{target} LEFT JOIN {owner_table} r ON r.id = l.{owner}
        GROUP BY l.{owner};
    END IF;
    IF TG_OP <> 'INSERT' THEN
        INSERT INTO backoffice_activity ({columns})
        SELECT {origin}, 'changed', '{kind}', '{model}', l.{owner}, left(coalesce(max({label}), ''), 200), '',
            jsonb_build_object('{name}', jsonb_build_array(jsonb_agg(t.name ORDER BY t.name), NULL))
        FROM removed l LEFT JOIN {target_table} t ON t.id = l.{target} LEFT JOIN {owner_table} r ON r.id = l.{owner}
        GROUP BY l.{owner};
    END IF;"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tracked:
    """A model whose rows are watched. Every column stands in one of the four groups: a test compares.

    `columns` maps a column to its kind. Of `secrets` only the fact of a change is kept. `expressions` gives SQL for a
    column's value. SQL names the row by `r`.
    """

    model: str
    table: str
    kind: str
    label: str
    columns: Mapping[str, str]
    secrets: Mapping[str, str] = field(default_factory=dict)
    ignored: frozenset[str] = frozenset()
    expressions: Mapping[str, str] = field(default_factory=dict)

    @property
    def function(self) -> str:
        return f"activity_of_{self.table}"

    def _value(self, column: str, row: str) -> str:
        sql = self.expressions.get(column)
        return f"to_jsonb({sql.replace('r.', f'{row}.') if sql else f'{row}.{column}'})"

    def _both(self) -> str:
        shown = [
            f"('{kind}', '{name}', {self._value(name, 'o')}, {self._value(name, 'r')})"
            for name, kind in self.columns.items()
        ]
        hidden = [
            f"('{kind}', '{name}', NULL, CASE WHEN o.{name} IS DISTINCT FROM r.{name} THEN to_jsonb(true) END)"
            for name, kind in self.secrets.items()
        ]
        return ",\n                ".join([*shown, *hidden])

    def function_sql(self) -> str:
        one = ",\n                ".join(f"('{name}', {self._value(name, 'r')})" for name in self.columns)
        currency = "r.currency" if "currency" in self.columns else "''"
        body = ROWS.format(
            columns=COLUMNS, origin=ORIGIN, model=self.model, kind=self.kind, label=self.label, currency=currency,
            both=self._both(), one=one,
        )  # fmt: skip
        return FUNCTION.format(function=self.function, body=body)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackedLink:
    """A table of a many-to-many field: recorded as a change of its owner, with the names of what came and went."""

    table: str
    owner: str
    target: str
    target_table: str
    of: Tracked
    name: str
    kind: str

    @property
    def function(self) -> str:
        return f"activity_of_{self.table}"

    def function_sql(self) -> str:
        body = LINKS.format(
            columns=COLUMNS, origin=ORIGIN, model=self.of.model, kind=self.kind, label=self.of.label, name=self.name,
            owner=self.owner, owner_table=self.of.table, target=self.target, target_table=self.target_table,
        )  # fmt: skip
        return FUNCTION.format(function=self.function, body=body)


def install_sql(each: Tracked | TrackedLink) -> str:
    """Return SQL that may be run again, once the model has changed."""
    return each.function_sql() + TRIGGERS.format(table=each.table, function=each.function)


def remove_sql(each: Tracked | TrackedLink) -> str:
    return f"DROP FUNCTION IF EXISTS {each.function}() CASCADE;"
