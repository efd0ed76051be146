"""Files out, for every export: CSV, CSV as Excel with decimal commas opens it, and XLSX, in a memory that stays flat.

Cells are text, whole numbers or decimals. In XLSX text stays text, whatever it looks like; in CSV it is escaped where
a spreadsheet would run it.
"""

import csv
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from typing import IO, Any

import xlsxwriter
from django.db import models
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backoffice.spreadsheets import escape_formula

BOM = "\ufeff"
SHEET_ROWS = 1_048_576
CELL_CHARACTERS = 32_767
_THREE_DECIMALS = -3
_MAX_DIGITS = 15


class Format(models.TextChoices):
    CSV = "csv", gettext_lazy("CSV")
    EXCEL = "excel", gettext_lazy("CSV for Excel (semicolons, decimal commas)")
    XLSX = "xlsx", gettext_lazy("Excel workbook (XLSX)")

    @classmethod
    def named(cls, name: object) -> "Format":
        """CSV where nothing, or nothing known, is named."""
        return cls(name) if name in cls.values else cls.CSV

    @property
    def suffix(self) -> str:
        return "xlsx" if self == Format.XLSX else "csv"

    @property
    def content_type(self) -> str:
        workbook = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
        return workbook if self == Format.XLSX else "text/csv; charset=utf-8"

    @property
    def delimiter(self) -> str:
        return ";" if self == Format.EXCEL else ","


class _Echo:
    """Makes `csv.writer.writerow` return the line."""

    def write(self, line: str) -> str:
        return line


def csv_lines(header: Sequence[str], rows: Iterable[Sequence[Any]], form: Format = Format.CSV) -> Iterator[str]:
    writer = csv.writer(_Echo(), delimiter=form.delimiter)
    yield (BOM if form == Format.EXCEL else "") + writer.writerow(header)
    for row in rows:
        yield writer.writerow([_csv_cell(cell, form) for cell in row])


def _csv_cell(cell: Any, form: Format) -> str:
    if cell is None:
        return ""
    if isinstance(cell, str):
        return escape_formula(cell, form.delimiter)
    return with_comma(str(cell)) if form == Format.EXCEL and isinstance(cell, Decimal) else str(cell)


def with_comma(amount: str) -> str:
    """Three decimals after a comma could be read as thousands: the last one, always 0 at Stripe, is left out."""
    whole, _point, decimals = amount.partition(".")
    if len(decimals) == -_THREE_DECIMALS and decimals.endswith("0"):
        decimals = decimals[:-1]
    return f"{whole},{decimals}" if decimals else whole


class TooLongForXlsx(ValueError):
    """Its text is fit for users."""


class Workbook:
    """An XLSX file in a temporary file; a sheet that is full is followed by another."""

    def __init__(self, header: Sequence[str]) -> None:
        self.file: IO[bytes] = tempfile.TemporaryFile(suffix=".xlsx")  # noqa: SIM115 - the caller reads it
        self.header = header
        options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
        self._book = xlsxwriter.Workbook(self.file, {**options, "strings_to_numbers": False})
        self._formats: dict[int, Any] = {}
        self._add_sheet()

    def _add_sheet(self) -> None:
        self._sheet = self._book.add_worksheet()
        self._sheet.freeze_panes(1, 0)
        self._row = 0
        self.add(self.header)

    def add(self, row: Sequence[Any]) -> None:
        if self._row == SHEET_ROWS:
            self._add_sheet()
        for column, cell in enumerate(row):
            self._write(column, cell)
        self._row += 1

    def _write(self, column: int, cell: Any) -> None:
        if isinstance(cell, (int, Decimal)) and len(str(cell)) <= _MAX_DIGITS:
            self._sheet.write_number(self._row, column, float(cell), self._format(cell))
        elif cell is not None and cell != "":
            text = str(cell)
            if len(text) > CELL_CHARACTERS:
                sentence = _("“%(text)s…” is longer than a cell of XLSX can be; choose CSV.")
                raise TooLongForXlsx(sentence % {"text": text[:40]})
            self._sheet.write_string(self._row, column, text)

    def _format(self, cell: int | Decimal) -> Any:
        decimals = -int(cell.as_tuple().exponent) if isinstance(cell, Decimal) else 0
        if decimals not in self._formats:
            number = "0." + "0" * decimals if decimals else "0"
            self._formats[decimals] = self._book.add_format({"num_format": number})
        return self._formats[decimals]

    def close(self) -> None:
        """Complete the file; it is at its beginning then."""
        self._book.close()
        self.file.seek(0)


def workbook(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> IO[bytes]:
    book = Workbook(header)
    for row in rows:
        book.add(row)
    book.close()
    return book.file
