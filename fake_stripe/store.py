"""The fake Stripe's objects in one SQLite file, written before a response is sent, so that no kill loses them."""

import json
import secrets
import sqlite3
import string
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fake_stripe.errors import JsonObject

# What lists are filtered by. `body` is Stripe's object; its keys that begin with "_" are private.
COLUMNS = ("customer", "payment_intent", "charge", "email", "type", "payment_method")
ALPHABET = string.ascii_letters + string.digits
ID_LENGTH = 24

TABLES = f"""
CREATE TABLE IF NOT EXISTS objects (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, created INTEGER NOT NULL,
    {", ".join(f"{column} TEXT" for column in COLUMNS)}, body TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS objects_kind ON objects (kind, seq);
{"".join(f"CREATE INDEX IF NOT EXISTS objects_{c} ON objects (kind, {c}, seq) WHERE {c} IS NOT NULL;" for c in COLUMNS)}
CREATE TABLE IF NOT EXISTS keys (
    key TEXT PRIMARY KEY, fingerprint TEXT NOT NULL, status INTEGER NOT NULL, body TEXT NOT NULL,
    request TEXT NOT NULL, created INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS deliveries (
    id INTEGER PRIMARY KEY AUTOINCREMENT, event TEXT NOT NULL, due REAL NOT NULL, place INTEGER NOT NULL,
    tries INTEGER NOT NULL DEFAULT 0);
CREATE INDEX IF NOT EXISTS deliveries_due ON deliveries (due, place);
CREATE INDEX IF NOT EXISTS deliveries_event ON deliveries (event);
CREATE TABLE IF NOT EXISTS timers (refund TEXT PRIMARY KEY, due INTEGER NOT NULL, status TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS tax_transactions (
    id TEXT PRIMARY KEY, reference TEXT NOT NULL UNIQUE, calculation TEXT UNIQUE, original TEXT);
CREATE INDEX IF NOT EXISTS tax_transactions_original ON tax_transactions (original) WHERE original IS NOT NULL;
"""
OWN_TABLES = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'"


class Store:
    """The event loop is the only writer."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path / "stripe.sqlite3" if path.is_dir() else path
        self.db = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False)
        # NORMAL survives every kill of this process; only a crash of the machine could lose the last responses.
        self.db.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;" + TABLES)
        self._clock_offset = int(self.setting("ahead") or 0)

    def close(self) -> None:
        self.db.close()

    def setting(self, name: str) -> str | None:
        row = self.db.execute("SELECT value FROM settings WHERE name = ?", (name,)).fetchone()
        return str(row[0]) if row else None

    def now(self) -> int:
        return int(time.time()) + self._clock_offset

    def advance_clock(self, seconds: int) -> int:
        self._clock_offset += seconds
        with self.transaction():
            self.db.execute("INSERT OR REPLACE INTO settings VALUES ('ahead', ?)", (str(self._clock_offset),))
        return self.now()

    def forget(self) -> None:
        """Empty every table, and set the clock right."""
        with self.transaction():
            for (table,) in self.db.execute(OWN_TABLES).fetchall():
                self.db.execute(f"DELETE FROM {table}")  # noqa: S608 - a name of this file's
        self._clock_offset = 0

    @contextmanager
    def transaction(self) -> Iterator[None]:
        self.db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self.db.execute("ROLLBACK")
            raise
        self.db.execute("COMMIT")

    def insert(self, thing: JsonObject) -> JsonObject:
        columns = [thing.get(column) for column in COLUMNS]
        marks = ", ".join("?" * (4 + len(columns)))
        self.db.execute(
            f"INSERT INTO objects (id, kind, created, {', '.join(COLUMNS)}, body) VALUES ({marks})",  # noqa: S608 - column names
            (thing["id"], thing["object"], thing.get("created", self.now()), *columns, json.dumps(thing)),
        )
        return thing

    def save(self, thing: JsonObject) -> JsonObject:
        changed = ", ".join(f"{column} = ?" for column in COLUMNS)
        columns = [thing.get(column) for column in COLUMNS]
        self.db.execute(
            f"UPDATE objects SET {changed}, body = ? WHERE id = ?",  # noqa: S608 - column names
            (*columns, json.dumps(thing), thing["id"]),
        )
        return thing

    def find(self, kind: str, identifier: str) -> JsonObject | None:
        query = "SELECT body FROM objects WHERE id = ? AND kind = ?"
        row = self.db.execute(query, (identifier, kind)).fetchone()
        return json.loads(row[0]) if row else None

    def get(self, kind: str, identifier: str) -> JsonObject:
        """An object that must exist, since another one refers to it."""
        if (found := self.find(kind, identifier)) is None:
            raise LookupError(identifier)
        return found

    def position(self, kind: str, identifier: str) -> int | None:
        row = self.db.execute("SELECT seq FROM objects WHERE id = ? AND kind = ?", (identifier, kind)).fetchone()
        return int(row[0]) if row else None

    def select(
        self, kind: str, where: list[tuple[str, Any]], *, newest: bool = True, limit: int = -1
    ) -> list[JsonObject]:
        """Conditions are such as ("created >= ?", 5)."""
        conditions = "".join(f" AND {condition}" for condition, _ in where)
        order = "DESC" if newest else "ASC"
        rows = self.db.execute(
            f"SELECT body FROM objects WHERE kind = ?{conditions} ORDER BY seq {order} LIMIT ?",  # noqa: S608 - conditions are constants
            (kind, *(value for _, value in where), limit),
        )
        return [json.loads(row[0]) for row in rows]

    def filter_by(self, kind: str, column: str, value: str) -> list[JsonObject]:
        """Oldest first."""
        return self.select(kind, [(f"{column} = ?", value)], newest=False)


def random_text(length: int) -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(length))


def new_id(prefix: str, length: int = ID_LENGTH) -> str:
    return f"{prefix}_{random_text(length)}"


def public_fields(thing: JsonObject) -> JsonObject:
    return {key: value for key, value in thing.items() if not key.startswith("_")}
