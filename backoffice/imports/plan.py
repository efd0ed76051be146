"""What an import would do, as the preview shows it and as it is kept until it is confirmed."""

import json
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple


def _as_json(value: Any) -> dict[str, str]:
    if isinstance(value, Decimal):
        return {"decimal": str(value)}
    if isinstance(value, date):
        return {"date": value.isoformat()}
    message = f"{type(value).__name__} is no value of a plan"
    raise TypeError(message)


def _from_json(value: dict[str, Any]) -> Any:
    match value:
        case {"decimal": text}:
            return Decimal(text)
        case {"date": text}:
            return date.fromisoformat(text)
    return value


class Problem(NamedTuple):
    """`column` and `cell` are empty where the whole row is meant, and `row` is 0 where it is the whole file."""

    row: int
    column: str
    cell: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Value:
    """A cell that changes something: values as the model has them, and (of the first changes) as people read them."""

    name: str
    old: Any
    new: Any
    old_shown: str
    new_shown: str


@dataclass(frozen=True, slots=True)
class Change:
    """`pk` is null for a new row."""

    row: int
    pk: int | None
    label: str
    values: list[Value]


@dataclass(slots=True)
class Plan:
    changes: list[Change] = field(default_factory=list)
    unchanged: int = 0
    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def new(self) -> int:
        return sum(change.pk is None for change in self.changes)

    @property
    def updated(self) -> int:
        return len(self.changes) - self.new

    def to_json(self) -> bytes:
        changes = [
            [each.row, each.pk, each.label, [[v.name, v.old, v.new, v.old_shown, v.new_shown] for v in each.values]]
            for each in self.changes
        ]
        stored = {"changes": changes, "unchanged": self.unchanged, "problems": self.problems, "notes": self.notes}
        return json.dumps(stored, default=_as_json).encode()

    @classmethod
    def from_json(cls, data: bytes) -> "Plan":
        stored = json.loads(data, object_hook=_from_json)
        changes = [
            Change(row, pk, label, [Value(*value) for value in values]) for row, pk, label, values in stored["changes"]
        ]
        return cls(changes, stored["unchanged"], [Problem(*each) for each in stored["problems"]], stored["notes"])
