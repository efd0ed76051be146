"""Figures, written as JSON and as a table."""

import json
import statistics
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

WARM_UP = 3
LOWER_IS_BETTER = {"ms", "s", "MB"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """`floor` and `stock` are the same work done by raw SQL and by the stock admin, where they can do it."""

    name: str
    size: str
    value: float
    unit: str
    floor: float | None = None
    stock: float | None = None
    note: str = ""

    @property
    def as_json(self) -> dict[str, Any]:
        fields = {"name": self.name, "size": self.size, "value": self.value, "unit": self.unit}
        return {
            name: round(value, 4) if isinstance(value, float) else value
            for name, value in {**fields, "floor": self.floor, "stock": self.stock}.items()
        }

    @property
    def gain(self) -> float | None:
        """How many times better than stock."""
        if not self.stock or not self.value:
            return None
        return self.stock / self.value if self.unit in LOWER_IS_BETTER else self.value / self.stock


def median_ms(act: Callable[[], object], *, rounds: int) -> float:
    for _ in range(WARM_UP):
        act()
    return statistics.median(seconds(act) for _ in range(rounds)) * 1000


def seconds(act: Callable[[], object]) -> float:
    started = time.perf_counter()
    act()
    return time.perf_counter() - started


def write(figures: Iterable[Figure], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps([each.as_json for each in figures], indent=1) + "\n", encoding="utf-8")


def table(figures: Iterable[Figure]) -> str:
    head = ("figure", "at", "value", "unit", "floor", "stock", "x stock", "")
    rows = [head, *map(_row, figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    return "\n".join(_line(row, widths) for row in rows)


def _row(figure: Figure) -> tuple[str, ...]:
    numbers = (_number(figure.floor), _number(figure.stock), _number(figure.gain))
    return (figure.name, figure.size, _number(figure.value), figure.unit, *numbers, figure.note)


def _line(row: tuple[str, ...], widths: list[int]) -> str:
    texts = (0, 1, 3, 7)  # columns aligned to the left
    cells = [
        cell.ljust(width) if column in texts else cell.rjust(width)
        for column, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]
    return "  ".join(cells).rstrip()


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
