import itertools

import pytest
from django.db import connection

from backoffice.spreadsheets import FORMULA_STARTS, escape_formula, escape_formula_sql, unescape_formula

PREFIXES = ["", " ", "  ", "'", "\u00a0", "\u3000", "\n", "x"]
TEXTS = [
    *("", " ", "'", "''", "Ada", "O'Brien", "1=1", "é", "東京", "\\N", '"', "a\nb", "'tis"),
    *(prefix + sign + rest for prefix, sign, rest in itertools.product(PREFIXES, FORMULA_STARTS, ["", "1+1", " =x"])),
]


@pytest.mark.django_db
def test_sql_escapes_the_same_cells_in_the_same_way_as_python() -> None:
    with connection.cursor() as cursor:
        cells = "unnest(%s::text[]) WITH ORDINALITY AS cells(cell, position)"
        cursor.execute(f"SELECT {escape_formula_sql('cell')} FROM {cells} ORDER BY position", [TEXTS])
        escaped = [cell for (cell,) in cursor.fetchall()]
    assert escaped == [escape_formula(text) for text in TEXTS]


@pytest.mark.django_db
def test_sql_keeps_null() -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {escape_formula_sql('NULL::text')}")
        assert cursor.fetchone() == (None,)


@pytest.mark.parametrize("sign", sorted(FORMULA_STARTS))
@pytest.mark.parametrize("spaces", ["", "  "])
def test_a_formula_is_escaped_and_read_back(sign: str, spaces: str) -> None:
    text = f"{spaces}{sign}1+1"
    assert escape_formula(text) == f"'{text}"
    assert unescape_formula(escape_formula(text)) == text
