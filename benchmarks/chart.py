"""A chart of the pages, as SVG: ours beside stock, by size, on a logarithmic scale."""

import math
from collections.abc import Sequence
from html import escape

from benchmarks.figures import Figure

BAR, GAP, LEFT, UNIT = 9, 16, 150, 150  # px; UNIT is what a power of ten takes
FLOOR_MS = 1.0
COLORS = ("#0f766e", "#a1a1aa")


def svg(figures: Sequence[Figure]) -> str:
    pages = [each for each in figures if each.unit == "ms" and each.stock]
    names = list(dict.fromkeys(each.name for each in pages))
    parts, top = [], 48
    for name in names:
        group = [each for each in pages if each.name == name]
        middle = top + len(group) * BAR + 4
        parts.append(_text(LEFT - 10, middle, name.replace("_", " "), "end"))
        for each in group:
            parts += _bars(each, top)
            top += 2 * BAR
        top += GAP
    return _frame([*_scale(top), *parts], top)


def _bars(figure: Figure, top: int) -> list[str]:
    elements = []
    for position, (value, color) in enumerate(zip((figure.value, figure.stock or 0.0), COLORS, strict=True)):
        y, width = top + position * BAR, _width(value)
        label = f"{value:,.0f} ms" + (f" at {figure.size}" if position == 0 else "")
        elements.append(f'<rect x="{LEFT}" y="{y}" width="{width:.0f}" height="{BAR - 1}" fill="{color}"/>')
        elements.append(_text(LEFT + width + 5, y + BAR - 2, label, "start", size=8))
    return elements


def _width(ms: float) -> float:
    return max(UNIT * math.log10(max(ms, FLOOR_MS) / FLOOR_MS), 1)


def _scale(bottom: int) -> list[str]:
    lines = []
    for power in range(4):
        x = LEFT + UNIT * power
        lines.append(f'<line x1="{x}" y1="36" x2="{x}" y2="{bottom}" stroke="#d4d4d8"/>')
        lines.append(_text(x, 30, f"{10**power:,} ms", "middle"))
    return lines


def _frame(parts: list[str], bottom: int) -> str:
    width = LEFT + UNIT * 4
    legend = [_text(LEFT, 14, "■ Pelcro Orders", "start", fill=COLORS[0])]
    legend.append(_text(LEFT + 120, 14, "■ stock Django admin", "start", fill=COLORS[1]))
    body = "\n".join(["<title>Time of a page, by number of orders</title>", *legend, *parts])
    size = f'width="{width}" height="{bottom + 10}" viewBox="0 0 {width} {bottom + 10}"'
    back = '<rect width="100%" height="100%" fill="#fff"/>'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif">\n{back}\n{body}\n</svg>\n'


def _text(x: float, y: float, words: str, anchor: str, *, size: int = 11, fill: str = "#3f3f46") -> str:
    return (
        f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}" font-size="{size}" fill="{fill}">{escape(words)}</text>'
    )
