"""A file as a person's spreadsheet wrote it, as rows of cells: XLSX, or CSV in any of its dialects."""

import csv
import io
import re
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import openpyxl
from django.utils.translation import gettext as _
from openpyxl.utils.escape import unescape

from backoffice.spreadsheets import unescape_formula

MAX_ROWS = 50_000
MAX_UNPACKED = 400_000_000  # bytes of XML: an XLSX of 20 MB may hold terabytes
MAX_COLUMNS = 200
HEAD_ROWS, HEAD_BYTES = 50, 1 << 16
DELIMITERS = ",;\t"
Knows = Callable[[str], bool]
Numbered = tuple[int, list[Any]]


class UnreadableFile(ValueError):
    """Its text is fit for users."""


@dataclass(frozen=True, slots=True)
class Formula:
    """A cell of XLSX that holds a formula or an error instead of a value."""

    text: str


@dataclass(slots=True)
class Sheet:
    """`rows` have their number as the spreadsheet shows it. `short` are the numbers of rows with too few cells."""

    headers: list[str]
    rows: list[Numbered]
    delimiter: str = ""
    notes: list[str] = field(default_factory=list)


def read_sheet(data: bytes, knows: Knows, *, most: int = MAX_ROWS) -> Sheet:
    """`knows` tells a column's name from others: where separators compete, the one that finds more of them wins."""
    sheet = _read_xlsx(data, most) if data.startswith(b"PK\x03\x04") else _read_csv(data, knows)
    if not sheet.rows:
        raise UnreadableFile(_("The file has no rows below its header."))
    if len(sheet.rows) > most:
        sentence = _("The file has %(rows)s rows; split it into files of %(most)s at most.")
        raise UnreadableFile(sentence % {"rows": f"{len(sheet.rows):,}", "most": f"{most:,}"})
    return sheet


def read_head(data: bytes, knows: Knows) -> Sheet:
    """Read the header and the first rows alone, however large the file is."""
    if data.startswith(b"PK\x03\x04"):
        return _read_xlsx(data, HEAD_ROWS, last_row=HEAD_ROWS)
    if len(data) <= HEAD_BYTES or b"\0" in data[:200]:
        return _read_csv(data, knows)
    try:
        return _read_csv(data[: data.rfind(b"\n", 0, HEAD_BYTES) + 1], knows)
    except UnreadableFile:  # cut off inside a cell
        return _read_csv(data, knows)


def is_blank(cell: Any) -> bool:
    return cell is None or (isinstance(cell, str) and not cell.strip())


def _sheet(rows: Sequence[Numbered], **more: Any) -> Sheet:
    """Take the header off, and away what is empty: rows, and columns without a name."""
    filled = [(number, cells) for number, cells in rows if not all(map(is_blank, cells))]
    if not filled:
        raise UnreadableFile(_("The file is empty."))
    headers = ["" if is_blank(cell) else str(cell).strip() for cell in filled[0][1]]
    while headers and not headers[-1]:
        headers.pop()
    nameless = [index for index, header in enumerate(headers) if not header]
    for number, cells in filled[1:]:
        for index in [*nameless, *range(len(headers), len(cells))]:
            if index < len(cells) and not is_blank(cells[index]):
                sentence = _("Row %(row)d has a cell in column %(column)d, which has no name in the header.")
                raise UnreadableFile(sentence % {"row": number, "column": index + 1})
    kept = [index for index in range(len(headers)) if index not in nameless]
    taken = [(number, [cells[index] for index in kept if index < len(cells)]) for number, cells in filled[1:]]
    return Sheet([headers[index] for index in kept], taken, **more)


def _read_csv(data: bytes, knows: Knows) -> Sheet:
    text, notes = _decoded(data)
    text, named = _without_sep_line(text)
    delimiter = named or _delimiter(text, knows)
    rows = [
        (number, [unescape_formula(cell, delimiter) for cell in cells])
        for number, cells in enumerate(_records(text, delimiter), 1)
    ]
    return _sheet(rows, delimiter=delimiter, notes=notes)


def _decoded(data: bytes) -> tuple[str, list[str]]:
    encoding, notes = "utf-8-sig", []
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        encoding = "utf-16"
    elif b"\0" in data[:200]:
        encoding = "utf-16-be" if data[:1] == b"\0" else "utf-16-le"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        encoding = "cp1252"
        notes.append(_("The file doesn't say its encoding and was read as Windows-1252: look at the accented letters."))
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            raise UnreadableFile(_("The file is no text that can be read; save it as CSV UTF-8 or as XLSX.")) from None
    if "\0" in text:
        raise UnreadableFile(_("The file is no text that can be read; save it as CSV UTF-8 or as XLSX."))
    return text, notes


def _without_sep_line(text: str) -> tuple[str, str]:
    match = re.match(r'"?sep=([,;\t])"?[,;\t]*(\r\n|\r|\n)', text, re.IGNORECASE)
    return (text[match.end() :], match[1]) if match else (text, "")


def _delimiter(text: str, knows: Knows) -> str:
    def found(delimiter: str) -> tuple[int, int]:
        header = next((cells for cells in _records(text[:20_000], delimiter, strict=False) if any(cells)), [])
        return sum(map(knows, header)), len(header)

    return max(DELIMITERS, key=found)


def _records(text: str, delimiter: str, *, strict: bool = True) -> Iterator[list[str]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=strict)
    try:
        yield from reader
    except csv.Error as error:
        if strict:
            sentence = _("Line %(line)d can't be read as CSV: %(why)s. Look for a quotation mark without its pair.")
            raise UnreadableFile(sentence % {"line": reader.line_num, "why": error}) from None


def _read_xlsx(data: bytes, most: int, *, last_row: int | None = None) -> Sheet:
    try:
        _refuse_bomb(data)
        book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=False)
        filled = [rows for sheet in book.worksheets if (rows := _xlsx_rows(sheet, most, last_row))]
    except UnreadableFile:
        raise
    except Exception as error:  # openpyxl raises whatever it comes across in a damaged workbook
        raise UnreadableFile(_("The workbook can't be read; save it as XLSX or CSV again.")) from error
    if len(filled) > 1:
        raise UnreadableFile(_("Several sheets of the workbook have rows; leave one of them."))
    return _sheet(filled[0] if filled else [])


def _refuse_bomb(data: bytes) -> None:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        if sum(each.file_size for each in archive.infolist()) > MAX_UNPACKED:
            raise UnreadableFile(_("The workbook is too large; split it."))


def _xlsx_rows(sheet: Any, most: int, last_row: int | None) -> list[Numbered]:
    sheet.reset_dimensions()  # what a workbook says of its own size is not to be relied on
    rows: list[Numbered] = []
    for number, cells in enumerate(sheet.iter_rows(max_col=MAX_COLUMNS, max_row=last_row), 1):
        if any(not is_blank(cell.value) for cell in cells):
            rows.append((number, [_xlsx_cell(cell) for cell in cells]))
        if len(rows) > most + 1:
            raise UnreadableFile(_("The file has more than %(most)s rows; split it.") % {"most": f"{most:,}"})
    width = max((len(cells) for _number, cells in rows), default=0)
    # A cell that was never written to is an empty one: unlike CSV's, a sheet's rows have no end.
    return [(number, [*cells, *[None] * (width - len(cells))]) for number, cells in rows]


def _xlsx_cell(cell: Any) -> Any:
    value = cell.value
    if isinstance(value, str):
        return Formula(value) if cell.data_type in {"f", "e"} else unescape(value)
    if isinstance(value, (int, float)) and re.fullmatch("0{2,}", str(cell.number_format)):
        return ShownWithZeros(value, str(value).zfill(len(cell.number_format)))
    return value


@dataclass(frozen=True, slots=True)
class ShownWithZeros:
    """A number that the sheet shows with zeros before it: 1000 shown as 01000."""

    number: int | float
    shown: str
