"""All that the sandbox knows, in one SQLite file: on disk before an answer is sent, so that no kill loses it."""

import json
import secrets
import sqlite3
import string
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fake_stripe.errors import Object

# What lists are asked by. `body` is Stripe's object; its keys that begin with "_" are the sandbox's own.
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
"""


class State:
    """Stored objects by id, newest first by what they belong to. One writer: the event loop."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path / "stripe.sqlite3" if path.is_dir() else path
        self.db = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False)
        # NORMAL survives every kill of this process; only the machine's own fall could lose the last answers.
        self.db.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;" + TABLES)
        self._ahead = int(self.setting("ahead") or 0)

    def close(self) -> None:
        """Leave one whole file behind."""
        self.db.close()

    def setting(self, name: str) -> str | None:
        """Give a kept value of the sandbox itself."""
        row = self.db.execute("SELECT value FROM settings WHERE name = ?", (name,)).fetchone()
        return str(row[0]) if row else None

    def now(self) -> int:
        """Give the sandbox's time, which tests may set ahead."""
        return int(time.time()) + self._ahead

    def advance(self, seconds: int) -> int:
        """Set the time ahead, for ever."""
        self._ahead += seconds
        with self.transaction():
            self.db.execute("INSERT OR REPLACE INTO settings VALUES ('ahead', ?)", (str(self._ahead),))
        return self.now()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Write all or nothing."""
        self.db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self.db.execute("ROLLBACK")
            raise
        self.db.execute("COMMIT")

    def insert(self, thing: Object) -> Object:
        """Keep a new object."""
        columns = [thing.get(column) for column in COLUMNS]
        marks = ", ".join("?" * (4 + len(columns)))
        self.db.execute(
            f"INSERT INTO objects (id, kind, created, {', '.join(COLUMNS)}, body) VALUES ({marks})",  # noqa: S608 - column names
            (thing["id"], thing["object"], thing["created"], *columns, json.dumps(thing)),
        )
        return thing

    def save(self, thing: Object) -> Object:
        """Keep an object as it now is."""
        changed = ", ".join(f"{column} = ?" for column in COLUMNS)
        columns = [thing.get(column) for column in COLUMNS]
        self.db.execute(
            f"UPDATE objects SET {changed}, body = ? WHERE id = ?",  # noqa: S608 - column names
            (*columns, json.dumps(thing), thing["id"]),
        )
        return thing

    def find(self, kind: str, identifier: str) -> Object | None:
        """Give the object of this kind and id."""
        query = "SELECT body FROM objects WHERE id = ? AND kind = ?"
        row = self.db.execute(query, (identifier, kind)).fetchone()
        return load(row[0]) if row else None

    def place(self, kind: str, identifier: str) -> int | None:
        """Give where an object stands in its kind's list."""
        row = self.db.execute("SELECT seq FROM objects WHERE id = ? AND kind = ?", (identifier, kind)).fetchone()
        return int(row[0]) if row else None

    def select(self, kind: str, where: list[tuple[str, Any]], *, newest: bool = True, limit: int = -1) -> list[Object]:
        """Give objects that meet every condition, such as ("created >= ?", 5)."""
        conditions = "".join(f" AND {condition}" for condition, _ in where)
        order = "DESC" if newest else "ASC"
        rows = self.db.execute(
            f"SELECT body FROM objects WHERE kind = ?{conditions} ORDER BY seq {order} LIMIT ?",  # noqa: S608 - conditions are constants
            (kind, *(value for _, value in where), limit),
        )
        return [load(row[0]) for row in rows]

    def belonging(self, kind: str, column: str, value: str) -> list[Object]:
        """Give all objects of a kind that belong to another, oldest first."""
        return self.select(kind, [(f"{column} = ?", value)], newest=False)


def load(body: str) -> Object:
    """Read a stored object."""
    thing: Object = json.loads(body)
    return thing


def new_id(prefix: str, length: int = ID_LENGTH) -> str:
    """Make an identifier as Stripe's look."""
    return f"{prefix}_{''.join(secrets.choice(ALPHABET) for _ in range(length))}"


def public(thing: Object) -> Object:
    """Give an object without the sandbox's own notes."""
    return {key: value for key, value in thing.items() if not key.startswith("_")}
