"""Code 128 barcodes, which every scanner reads, as bars and as SVG that needs neither a style nor a script."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from barcode.codex import Code128
from barcode.errors import BarcodeError
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

QUIET = 10  # modules of white on either side, as the standard asks for


@dataclass(frozen=True, slots=True)
class Bars:
    """Dark bars as (start, width), counted in modules, of a barcode that is `width` modules wide with its margins."""

    width: int = 0
    bars: Sequence[tuple[int, int]] = ()


def barcode(text: str) -> Bars:
    """Return no bars for what Code 128 can't write: it has the characters of ASCII alone."""
    try:
        (modules,) = Code128(text).build() if text else ("",)
    except BarcodeError:
        return Bars()
    if not modules:
        return Bars()
    bars = [(QUIET + found.start(), len(found[0])) for found in re.finditer("1+", modules)]
    return Bars(len(modules) + 2 * QUIET, bars)


def barcode_svg(text: str) -> SafeString:
    code = barcode(text)
    if not code.bars:
        return mark_safe("")
    path = mark_safe("".join(f"M{start} 0h{width}v1h-{width}z" for start, width in code.bars))  # noqa: S308 - digits
    return format_html(
        '<svg class="barcode" viewBox="0 0 {} 1" preserveAspectRatio="none" shape-rendering="crispEdges" role="img"'
        ' aria-label="{}"><path d="{}"/></svg>',
        code.width,
        text,
        path,
    )
