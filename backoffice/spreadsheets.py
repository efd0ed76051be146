"""CSV injection: cells that a spreadsheet would run as a formula, escaped in Python and, by the same rule, in SQL.

A cell is escaped by an apostrophe before it where its first character, leading spaces aside, is one of
`FORMULA_STARTS`.
"""

# Also the full-width forms that East Asian keyboards type, and what makes a cell begin with the next line or column.
FORMULA_STARTS = frozenset("=+-@\t\r\n＝＋－＠")
FORMULA_STARTS_SQL = ", ".join(f"U&'\\{ord(sign):04x}'" for sign in sorted(FORMULA_STARTS))


def is_formula(text: str) -> bool:
    return text.lstrip(" ")[:1] in FORMULA_STARTS


def escape_formula(text: str) -> str:
    return f"'{text}" if is_formula(text) else text


def unescape_formula(cell: str) -> str:
    """Undo `escape_formula`; a cell that begins with an apostrophe of its own stays as it is."""
    return cell[1:] if cell.startswith("'") and is_formula(cell[1:]) else cell


def escape_formula_sql(expression: str) -> str:
    """The SQL expression for `escape_formula` of a text expression. NULL stays NULL."""
    condition = f"left(ltrim({expression}, ' '), 1) IN ({FORMULA_STARTS_SQL})"
    return f"CASE WHEN {condition} THEN '''' || {expression} ELSE {expression} END"
