"""What was measured: figures, as JSON for programs and as a table for people."""

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
    """One figure; `floor` is raw SQL and `stock` the stock admin doing the same work, where they can."""

    name: str
    size: str
    value: float
    unit: str
    floor: float | None = None
    stock: float | None = None
    note: str = ""

    @property
    def told(self) -> dict[str, Any]:
        """Give it as latest.json has it."""
        told = {"name": self.name, "size": self.size, "value": self.value, "unit": self.unit}
        return {
            name: round(value, 4) if isinstance(value, float) else value
            for name, value in {**told, "floor": self.floor, "stock": self.stock}.items()
        }

    @property
    def gain(self) -> float | None:
        """Give how many times better than stock it is."""
        if not self.stock or not self.value:
            return None
        return self.stock / self.value if self.unit in LOWER_IS_BETTER else self.value / self.stock


def median_ms(act: Callable[[], object], *, rounds: int) -> float:
    """Give the median of so many rounds, after a warm-up."""
    for _ in range(WARM_UP):
        act()
    return statistics.median(seconds(act) for _ in range(rounds)) * 1000


def seconds(act: Callable[[], object]) -> float:
    """Give how long something takes."""
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def write(figures: Iterable[Figure], path: Path) -> None:
    """Write them for programs."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps([each.told for each in figures], indent=1) + "\n", encoding="utf-8")


def table(figures: Iterable[Figure]) -> str:
    """Write them for people."""
    head = ("figure", "at", "value", "unit", "floor", "stock", "x stock", "")
    rows = [head, *map(_row, figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    return "\n".join(_line(row, widths) for row in rows)


def _row(figure: Figure) -> tuple[str, ...]:
    numbers = (_number(figure.floor), _number(figure.stock), _number(figure.gain))
    return (figure.name, figure.size, _number(figure.value), figure.unit, *numbers, figure.note)


def _line(row: tuple[str, ...], widths: list[int]) -> str:
    left = (0, 1, 3, 7)
    cells = [
        cell.ljust(width) if at in left else cell.rjust(width)
        for at, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]
    return "  ".join(cells).rstrip()


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
