"""CSV injection: text that a spreadsheet would run as a formula, escaped in Python and, by the same rule, in SQL.

An apostrophe is put before such text at the beginning of a cell, and after each character inside a cell at which
a spreadsheet with other separators than the file's begins a new cell or line: there the quotes don't hold. Text that
has apostrophes before the formula gets one more, so that reading takes away exactly what writing added.
"""

import re

# Also the full-width and small forms that East Asian keyboards type, and the minus sign.
_SIGNS = "=+\\-@＝＋－＠﹦﹢﹣﹫\u2212"
_LINE_ENDS = "\\t\\r\\n"
# What a spreadsheet takes away before it looks at a cell: blanks of any width, and characters without one.
_BLANKS = (
    "\u0001-\u0008\u000b\u000c\u000e-\u0020\u007f-\u00a0\u00ad"
    "\u1680\u180e\u2000-\u200f\u2028-\u202f\u205f-\u2064\u3000\ufeff"
)
_FORMULA = f"'*[{_BLANKS}]*[{_SIGNS}]"
_FORMULA_OR_LINE_END = f"'*[{_BLANKS}]*[{_SIGNS}{_LINE_ENDS}]"
FORMULA_STARTS = frozenset("=+-@\t\r\n＝＋－＠﹦﹢﹣﹫\u2212")


def _pattern(start: str, separator: str, apostrophe: str = "") -> str:
    inside = f"(?<=[{separator}{_LINE_ENDS}]){apostrophe}(?={_FORMULA})"
    return f"{start}{apostrophe}(?={_FORMULA_OR_LINE_END})|{inside}"


# By the file's delimiter: the other one, and tab and line ends, may begin a cell.
_OTHER = {",": ";", ";": ",", "\t": ",;"}
_ESCAPE = {delimiter: re.compile(_pattern("\\A", other)) for delimiter, other in _OTHER.items()}
_UNESCAPE = {delimiter: re.compile(_pattern("\\A", other, "'")) for delimiter, other in _OTHER.items()}


def escape_formula(text: str, delimiter: str = ",") -> str:
    return _ESCAPE[delimiter].sub("'", text)


def unescape_formula(cell: str, delimiter: str = ",") -> str:
    """Undo `escape_formula`; other apostrophes stay."""
    return _UNESCAPE[delimiter].sub("", cell) if "'" in cell else cell


def escape_formula_sql(expression: str, delimiter: str = ",") -> str:
    """The SQL expression for `escape_formula` of a text expression. NULL stays NULL."""
    separators = f"{_OTHER[delimiter]}{_LINE_ENDS}"
    begins = f"left({expression}, 1) ~ E'[^[:alnum:]]'"
    pattern = _pattern("^", _OTHER[delimiter]).replace("\\", "\\\\").replace("'", "''")
    # Most cells begin with a letter or digit and have no separator inside: those are not searched.
    return (
        f"CASE WHEN {begins} OR translate({expression}, E'{separators}', '') <> {expression}"
        f" THEN regexp_replace({expression}, E'{pattern}', '''', 'g') ELSE {expression} END"
    )
