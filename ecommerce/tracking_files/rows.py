"""The rows of a file as the table keeps them: written by COPY, what is wrong with a row alone said in a sentence."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.utils.translation import gettext as _

from backoffice.imports.sheets import Formula, Sheet, ShownWithZeros
from ecommerce.models import TrackingFile
from ecommerce.shipping.carriers import carrier_name, normalize_number, number_problem

MOST_ROWS = 200_000
MAX_NUMBER = 100
MAX_ORDER = 60
MAX_QUANTITY = 9_999
EXACT_DIGITS = 15  # of a number that a spreadsheet holds as a number; further ones became zeros
CUT_OFF = re.compile(r"\d+[.,]?\d*E\+?\d+", re.IGNORECASE)  # 3.40434E+17
FIELDS = (
    *("file_id", "number", "cells", "order_number", "tracking_number", "carrier", "sku", "quantity", "problem"),
    "doubt",
)
COPY = f"COPY ecommerce_trackingfilerow ({', '.join(FIELDS)}) FROM STDIN"


class WrongCell(ValueError):
    """Its text is fit for users."""


@dataclass(slots=True)
class Reader:
    """Turns cells into the table's columns. `places` are the indexes of columns by field."""

    carrier: str
    places: Mapping[str, int]

    def read(self, cells: Sequence[Any]) -> tuple[Any, ...]:
        """Return the columns from `order_number` on, as FIELDS has them."""
        try:
            order = self._text(cells, "order").lstrip("#").strip()
            number = normalize_number(self._text(cells, "number"))
            carrier = self._text(cells, "carrier") or self.carrier
            sku, quantity = self._text(cells, "sku"), _quantity(self._text(cells, "quantity"))
        except WrongCell as error:
            return ("", "", "", "", None, str(error)[:300], "")
        problem = _problem(order, number, sku)
        carrier = carrier_name(carrier, [number])[:MAX_NUMBER]
        doubt = "" if problem else number_problem(carrier, number) if carrier else _no_carrier(number)
        # Without a SKU, a quantity says how many parcels or pieces there were: all that is left is sent.
        return (
            order[:MAX_ORDER], number[:MAX_NUMBER], carrier, sku[:MAX_NUMBER], quantity if sku else None,
            problem, doubt[:300],
        )  # fmt: skip

    def _text(self, cells: Sequence[Any], field: str) -> str:
        place = self.places.get(field)
        return cell_text(cells[place]) if place is not None and place < len(cells) else ""


def cell_text(cell: Any) -> str:
    """Raise WrongCell where a spreadsheet has lost what stood there."""
    if isinstance(cell, str):
        text = " ".join(cell.split())
        if CUT_OFF.fullmatch(text):
            sentence = _("A spreadsheet cut “%(text)s” off: format its column as text, and export the file again.")
            raise WrongCell(sentence % {"text": text})
        return text
    if isinstance(cell, Formula):
        raise WrongCell(_("“%(text)s” is a formula: write its value.") % {"text": cell.text[:50]})
    if isinstance(cell, (int, float)) and abs(cell) >= 10**EXACT_DIGITS:
        sentence = _("A spreadsheet cut “%(text)s” off: format its column as text, and export the file again.")
        raise WrongCell(sentence % {"text": f"{cell:.0f}"})
    return shown(cell)


def shown(cell: Any) -> str:
    """The cell as the file's reader saw it."""
    if cell is None:
        return ""
    if isinstance(cell, ShownWithZeros):
        return cell.shown
    if isinstance(cell, Formula):
        return cell.text
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell)


def _quantity(text: str) -> int | None:
    if not text:
        return None
    whole = re.fullmatch(r"(\d{1,6})(?:[.,]0+)?", text)
    if whole is None or not 1 <= int(whole[1]) <= MAX_QUANTITY:
        raise WrongCell(_("“%(text)s” is no quantity: write a whole number from 1 on.") % {"text": text[:50]})
    return int(whole[1])


def _no_carrier(number: str) -> str:
    sentence = _("No carrier is named, and “%(number)s” looks like a number of none: nobody could follow the parcel.")
    return sentence % {"number": number[:50]}


def _problem(order: str, number: str, sku: str) -> str:
    if not order:
        return _("The order number is missing.")
    if not number:
        return _("The tracking number is missing.")
    if len(number) > MAX_NUMBER or len(sku) > MAX_NUMBER:
        return _("The tracking number or SKU has more than %(most)d characters.") % {"most": MAX_NUMBER}
    return ""


def write_rows(file: TrackingFile, sheet: Sheet) -> None:
    """Write all rows of a file, in the caller's transaction."""
    with connection.cursor() as cursor, cursor.copy(COPY) as copy:
        for row in _rows(file, sheet):
            copy.write_row(row)


def _rows(file: TrackingFile, sheet: Sheet) -> Iterator[tuple[Any, ...]]:
    places = {field: sheet.headers.index(header) for field, header in file.columns.items()}
    reader = Reader(file.carrier, places)
    width = len(sheet.headers)
    for number, cells in sheet.rows:
        kept = [shown(cell) for cell in cells]
        yield (file.pk, number, [*kept, *[""] * (width - len(kept))], *reader.read(cells))
