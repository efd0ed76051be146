"""Who is behind a statement: named in a comment before it, which the triggers on tracked tables read.

A comment costs no statement of its own, and unlike a setting of the session it can't be left behind by one request, or
taken back with a savepoint, for the next one to act under.
"""

import json
import re
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils.translation import gettext as _

WRITE = re.compile(r'\s*(?:INSERT INTO|UPDATE|DELETE FROM)\s+"?(\w+)', re.IGNORECASE)
SILENT = "/*activity:*/"
"""Before a statement whose changes are recorded elsewhere, or are no act at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """`by_kind` is one of Activity.ByKind; `through` names what acted for them: an import."""

    by_kind: str
    by_label: str
    by_user_id: int | None = None
    address: str = ""
    through: str = ""

    @property
    def columns(self) -> dict[str, Any]:
        return {**asdict(self), "by_label": self.by_label[:200], "through": self.through[:200]}

    @property
    def comment(self) -> str:
        return f"/*activity:{b64encode(json.dumps(self.columns, ensure_ascii=False).encode()).decode()}*/"


SYSTEM = Origin(by_kind="system", by_label="Pelcro Orders")
_of_process = SYSTEM
# None is silence; a function is asked at the first write, when a request is authenticated by then.
_current: ContextVar[Callable[[], Origin] | Origin | None] = ContextVar("origin")


def current_origin() -> Origin | None:
    found = _current.get(_of_process)
    return found() if callable(found) else found


@contextmanager
def acting(origin: Callable[[], Origin] | Origin | None) -> Iterator[None]:
    token = _current.set(origin)
    try:
        yield
    finally:
        _current.reset(token)


def silent() -> Any:
    """Record nothing of what is written inside: the order's own history has it."""
    return acting(None)


def name_command(argv: list[str]) -> None:
    """Have all that this process writes recorded as the command's."""
    global _of_process  # noqa: PLW0603 - a process is started by one command
    words = [Path(argv[0]).name, *argv[1:2]]
    _of_process = Origin(by_kind="command", by_label=" ".join(words) or _("a command"))


class OriginComments:
    """An execute wrapper that puts the comment before each write to a tracked table."""

    def __init__(self, tables: frozenset[str]) -> None:
        self.tables = tables

    def __call__(self, execute: Callable[..., Any], sql: Any, params: Any, many: Any, context: Any) -> Any:
        found = WRITE.match(sql) if isinstance(sql, str) else None
        if found and found[1] in self.tables:
            origin = current_origin()
            sql = (origin.comment if origin else SILENT) + sql
        return execute(sql, params, many, context)

    def install(self, connection: BaseDatabaseWrapper, **_options: Any) -> None:
        if not any(isinstance(each, OriginComments) for each in connection.execute_wrappers):
            connection.execute_wrappers.append(self)
