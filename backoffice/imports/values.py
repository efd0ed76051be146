"""What a cell means, by its column: a value, or a sentence (ValueError) that says why not and what to write."""
# ruff: noqa: TRY004 - a person's cell of another kind is a wrong value, not a programmer's mistake

import datetime as dt
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from backoffice.imports.sheets import Formula, ShownWithZeros, is_blank

YES, NO = ("yes", "true", "1"), ("no", "false", "0")
_SCIENTIFIC = re.compile(r"[0-9](?:[.,][0-9]+)?E[+-][0-9]{2,}", re.IGNORECASE)
_MAX_DIGITS = 15  # of a number that a spreadsheet keeps
_GROUP = "[ \u00a0\u202f'’]"
_AMOUNT = re.compile(rf"[0-9]+(?:[.,][0-9]+)*|[0-9]{{1,3}}(?:{_GROUP}[0-9]{{3}})+(?:[.,][0-9]+)?")
_QUOTED = 60


def quoted(cell: Any) -> str:
    text = str(cell).strip()
    return text if len(text) <= _QUOTED else f"{text[:_QUOTED]}…"


def as_text(cell: Any) -> str:
    """The text of a cell; a spreadsheet's own kinds of values are refused where their text isn't certain."""
    if is_blank(cell):
        return ""
    if isinstance(cell, str):
        if "\ufffd" in cell:
            raise ValueError(_("“%(cell)s” has a character that was lost; save the file as CSV UTF-8 or XLSX.")
                % {"cell": quoted(cell)})  # fmt: skip
        return cell.strip()
    if isinstance(cell, ShownWithZeros):
        sentence = _("The cell shows %(shown)s and holds the number %(number)s; format it as text and type it again.")
        raise ValueError(sentence % {"shown": cell.shown, "number": cell.number})
    if isinstance(cell, float) and cell.is_integer():
        cell = int(cell)
    if isinstance(cell, int) and not isinstance(cell, bool) and len(str(abs(cell))) <= _MAX_DIGITS:
        return str(cell)
    _refuse_kind(cell)
    sentence = _("“%(cell)s” is a number of the spreadsheet's, which may not be as it was typed; format it as text.")
    raise ValueError(sentence % {"cell": cell})


def _refuse_kind(cell: Any) -> None:
    if isinstance(cell, Formula):
        raise ValueError(_("“%(cell)s” is a formula or an error; put its value there.") % {"cell": quoted(cell.text)})
    if isinstance(cell, (dt.date, dt.time, dt.timedelta)):
        sentence = _("The spreadsheet made a date of this cell (%(cell)s); format it as text and type it again.")
        raise ValueError(sentence % {"cell": cell})
    if isinstance(cell, bool):
        sentence = _("The spreadsheet made %(cell)s of this cell; format it as text and type it again.")
        raise ValueError(sentence % {"cell": str(cell).upper()})


class Column:
    """`name` is what files call it, `title` what pages do. `parse` raises ValueError."""

    def __init__(self, name: str, title: str | Promise, *, required: bool = False) -> None:
        self.name, self.title, self.required = name, title, required

    def parse(self, cell: Any, row: Mapping[str, Any]) -> Any:
        return as_text(cell)

    def check(self, cell: Any, row: Mapping[str, Any]) -> Any:
        if self.required and is_blank(cell):
            raise ValueError(_("The cell is empty."))
        return self.parse(cell, row)

    def show(self, value: Any, row: Mapping[str, Any]) -> str:
        return str(value)

    def export(self, value: Any, row: Mapping[str, Any]) -> Any:
        return value


class TextColumn(Column):
    def __init__(self, name: str, title: str | Promise, *, field: Any, required: bool = False) -> None:
        super().__init__(name, title, required=required or not field.blank)
        self.field = field

    def parse(self, cell: Any, row: Mapping[str, Any]) -> str:
        text = as_text(cell)
        if _SCIENTIFIC.fullmatch(text):
            sentence = _("“%(cell)s” is what a spreadsheet makes of a long number; format the column as text first.")
            raise ValueError(sentence % {"cell": text})
        try:
            self.field.clean(text, None)
        except ValidationError as error:
            raise ValueError(" ".join(error.messages)) from None
        return text


class YesNoColumn(Column):
    def parse(self, cell: Any, row: Mapping[str, Any]) -> bool:
        if isinstance(cell, bool):
            return cell
        word = "" if isinstance(cell, (Formula, ShownWithZeros)) else as_text(cell).lower()
        if word not in YES + NO:
            sentence = _("“%(cell)s” is neither yes nor no; write yes, true or 1, or else no, false or 0.")
            raise ValueError(sentence % {"cell": quoted(getattr(cell, "text", "" if is_blank(cell) else cell))})
        return word in YES

    def show(self, value: Any, row: Mapping[str, Any]) -> str:
        return _("yes") if value else _("no")

    def export(self, value: Any, row: Mapping[str, Any]) -> str:
        return "yes" if value else "no"


class WholeNumberColumn(Column):
    MOST = 2**31 - 1

    def parse(self, cell: Any, row: Mapping[str, Any]) -> int:
        if is_blank(cell):
            raise ValueError(_("The cell is empty; write 0 if none is meant."))
        if isinstance(cell, float) and cell.is_integer():
            cell = int(cell)
        text = str(cell).strip() if isinstance(cell, (int, float, str)) and not isinstance(cell, bool) else ""
        if re.fullmatch(r"[0-9]{1,3}[.,][0-9]{3}", text) and not isinstance(cell, float):
            whole, thousandths = re.split("[.,]", text)
            sentence = _("“%(cell)s” can be read as %(thousands)s or as %(decimal)s; write a number of digits alone.")
            readings = {"thousands": int(whole + thousandths), "decimal": f"{int(whole)}.{thousandths}"}
            raise ValueError(sentence % {"cell": text, **readings})
        if not re.fullmatch(r"[0-9]+", text):
            sentence = _("“%(cell)s” is not a whole number; write one from 0 up, of the digits 0 to 9 alone.")
            raise ValueError(sentence % {"cell": quoted(getattr(cell, "text", cell))})
        if len(text.lstrip("0")) > len(str(self.MOST)) or int(text) > self.MOST:
            raise ValueError(_("“%(cell)s” is above %(most)s.") % {"cell": quoted(text), "most": f"{self.MOST:,}"})
        return int(text)


class ChoiceColumn(Column):
    def __init__(self, name: str, title: str | Promise, *, choices: Mapping[str, Any]) -> None:
        super().__init__(name, title)
        self.choices = choices

    def parse(self, cell: Any, row: Mapping[str, Any]) -> str:
        word = as_text(cell).lower()
        if word not in self.choices:
            sentence = _("“%(cell)s” is not a valid choice; write %(choices)s.")
            raise ValueError(sentence % {"cell": quoted(as_text(cell)), "choices": ", ".join(self.choices)})
        return word

    def show(self, value: Any, row: Mapping[str, Any]) -> str:
        return str(self.choices.get(value, value))


def plain_amount(cell: Any, decimals: int, *, comma_file: bool) -> str:
    """Write an amount with a point and no separators of thousands, or refuse one with two readings.

    A point before as many digits as the currency has decimals is a decimal point, unless the file is one of a
    spreadsheet with decimal commas.
    """
    if isinstance(cell, ShownWithZeros):
        cell = cell.number
    if isinstance(cell, (int, float)) and not isinstance(cell, bool):
        return format(Decimal(format(cell, f".{_MAX_DIGITS}g")), "f")
    if not isinstance(cell, str):
        _refuse_kind(cell)
    text = str(cell).strip()
    if not _AMOUNT.fullmatch(text):
        return text  # the parser of amounts says what is wrong
    grouped = re.sub(_GROUP, "", text)
    marks = re.findall("[.,]", grouped)
    if grouped != text or not marks:
        return grouped.replace(",", ".")
    return _with_marks(text, marks, decimals, comma_file=comma_file)


def _with_marks(text: str, marks: list[str], decimals: int, *, comma_file: bool) -> str:
    kinds, groups = set(marks), re.split("[.,]", text)
    thousands = len(groups[0]) <= 3 and groups[0][0] != "0" and all(len(each) == 3 for each in groups[1:])  # noqa: PLR2004
    if len(marks) == 1:
        is_own = marks == ["."] and decimals == 3 and not comma_file  # noqa: PLR2004 - 4.500, as exports write it
        if thousands and not is_own:
            raise ValueError(_two_readings(text, groups, decimals))
        return ".".join(groups)
    if len(kinds) == 1:
        return "".join(groups) if thousands else text.replace(",", ".")
    whole = groups[:-1]
    rightly = len(whole[0]) <= 3 and all(len(each) == 3 for each in whole[1:]) and marks.count(marks[-1]) == 1  # noqa: PLR2004
    return f"{''.join(whole)}.{groups[-1]}" if rightly else text.replace(",", "..")


def _two_readings(text: str, groups: list[str], decimals: int) -> str:
    whole = "".join(groups) + ("." + "0" * decimals if decimals else "")
    readings = {"text": text, "small": ".".join(groups), "large": whole}
    sentence = _("“%(text)s” can be read as %(small)s or as %(large)s.") % readings
    if decimals < 3:  # noqa: PLR2004
        most = _("An amount in this currency has at most %(most)d decimals.") % {"most": decimals}
        sentence = f"{sentence} {most}"
    return f"{sentence} {_('Write it with a point before the decimals and nothing between thousands.')}"


Show = Callable[[Any, Mapping[str, Any]], str]
