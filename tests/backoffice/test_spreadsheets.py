import csv
import io
import itertools
import re

import pytest
from django.db import connection

from backoffice.spreadsheets import FORMULA_STARTS, escape_formula, escape_formula_sql, unescape_formula

PREFIXES = ["", " ", "  ", "'", "''", "' ", "\u00a0", "\u3000", "\u200b", "\ufeff", "\n", "\t", "x", "x;", "x; ", "x;'",
            "x,", "x\n", "x\r\n", "x\n\n", "x\t", ";", ";;", "é;", "ß, "]  # fmt: skip
TEXTS = [
    *("", " ", "'", "''", "Ada", "O'Brien", "1=1", "é", "東京", "\\N", '"', "a\nb", "a\n\nb", "'tis", "2 x A; 1 x B"),
    *(prefix + sign + rest for prefix, sign, rest in itertools.product(PREFIXES, FORMULA_STARTS, ["", "1+1", " =x"])),
]


@pytest.mark.django_db
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_sql_escapes_the_same_cells_in_the_same_way_as_python(delimiter: str) -> None:
    with connection.cursor() as cursor:
        cells = "unnest(%s::text[]) WITH ORDINALITY AS cells(cell, position)"
        cursor.execute(f"SELECT {escape_formula_sql('cell', delimiter)} FROM {cells} ORDER BY position", [TEXTS])
        escaped = [cell for (cell,) in cursor.fetchall()]
    assert escaped == [escape_formula(text, delimiter) for text in TEXTS]


@pytest.mark.django_db
def test_sql_keeps_null() -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {escape_formula_sql('NULL::text')}")
        assert cursor.fetchone() == (None,)


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_what_was_escaped_is_read_back(delimiter: str) -> None:
    for text in TEXTS:
        assert unescape_formula(escape_formula(text, delimiter), delimiter) == text


@pytest.mark.parametrize("sign", sorted(FORMULA_STARTS))
@pytest.mark.parametrize("spaces", ["", "  ", "\u00a0", "\u3000"])
def test_a_formula_is_escaped(sign: str, spaces: str) -> None:
    assert escape_formula(f"{spaces}{sign}1") == f"'{spaces}{sign}1"


@pytest.mark.parametrize("written", [",", ";"])
@pytest.mark.parametrize("read", [",", ";", "\t"])
def test_no_cell_is_a_formula_whatever_separator_the_reader_has(written: str, read: str) -> None:
    file = io.StringIO(newline="")
    csv.writer(file, delimiter=written).writerows(["x", escape_formula(text, written), "y"] for text in TEXTS)
    for row in csv.reader(io.StringIO(file.getvalue(), newline=""), delimiter=read):
        for cell in row:
            blanks = "[\\s\u200b\ufeff]*" if cell.strip() else ""
            assert not re.match(f"{blanks}[=+\\-@＝＋－＠﹦﹢﹣﹫\u2212]", cell), row


@pytest.mark.parametrize("text", ["O'Brien", "'tis", "a; b", "2 x MUG-RED; 1 x TEE-M", "a\n\nb", "Flat 3, -1", "1=1"])
def test_other_text_stays_as_it_is(text: str) -> None:
    assert escape_formula(text) == unescape_formula(text) == text
