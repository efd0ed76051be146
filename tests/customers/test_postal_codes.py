import pytest
from hypothesis import given
from hypothesis import strategies as st

from customers.postal_codes import comparable, parse


@pytest.mark.parametrize(
    ("country", "listed", "covered", "not_covered"),
    [
        ("DE", "80331-80999", ["80331", " 80538", "80999"], ["80330", "81000", "8033", ""]),
        ("DE", "803", ["80331", "80399"], ["80401", "80"]),
        ("DE", "803-809", ["80300", "80999"], ["80299", "81000"]),
        ("DE", "01–09", ["01067", "09999"], ["10115"]),
        ("US", "94105", ["94105", "94105-1234", "94105 1234"], ["94104", "9410"]),
        ("US", "006..009", ["00601", "00999"], ["01001"]),
        ("CA", "k1a", ["K1A 0B1", "k1a0b1"], ["K1B 0B1"]),
        ("CA", "K1A-K1Z", ["K1A 0B1", "K1Z 9Z9"], ["K2A 0B1"]),
        ("IE", "D01 - D24", ["D02 X285", "D24AB12"], ["D6W X285", "A65 F4E2"]),
        ("PT", "9000-001", ["9000-001", "9000001"], ["9000-002"]),
        ("PT", "9000-9999", ["9000-001", "9999-999"], ["8999-999"]),
        ("PL", "00-950-00-959", ["00-950", "00959"], ["00-960"]),
        ("PL", "00-950", ["00-950"], ["00-951"]),
        ("SE", "114 55", ["11455", "114 55"], ["114 56"]),
        ("NL", "1011-1019", ["1011 AB", "1019ZZ"], ["1020 AA"]),
        ("GB", "IM", ["IM1 1AA", "im99 9zz"], ["IV1 1AA", "I1 1AA"]),
        ("GB", "B", ["B1 1AA", "B99 9ZZ"], ["BT1 1AA", "BS1 5AA"]),
        ("GB", "AB3", ["AB3 1AA", "AB31AA"], ["AB31 5AA", "AB315AA"]),
        ("GB", "AB31-AB56", ["AB31 5AA", "AB56 1AA"], ["AB3 1AA", "AB57 1AA", "AL35 1AA"]),
        ("GB", "IV1-IV28", ["IV1 1AA", "IV9 8AA", "IV28 3AA"], ["IV30 1AA", "KW1 1AA"]),
        ("GB", "W1", ["W1A 1AA", "W1 1AA"], ["W10 5AA", "W2 1AA"]),
        ("GB", "W1A", ["W1A 1AA"], ["W1B 1AA"]),
        ("GB", "SW1A 1AA", ["SW1A 1AA", "sw1a1aa"], ["SW1A 1AB"]),
        ("GB", "SW1Y 4", ["SW1Y 4JH"], ["SW1Y 5JH"]),
    ],
)
def test_what_an_entry_covers(country: str, listed: str, covered: list[str], not_covered: list[str]) -> None:
    entry = parse(country, listed)
    assert [code for code in covered if comparable(country, code) not in entry] == []
    assert [code for code in not_covered if comparable(country, code) in entry] == []


@pytest.mark.parametrize(
    ("country", "text", "sentence"),
    [
        ("DE", "--", "“--” is not a postal code, nor the beginning of one."),
        ("DE", "", "“” is not a postal code, nor the beginning of one."),
        ("DE", "80331 – ", "“80331 –” is not a postal code, nor the beginning of one."),
        ("DE", "803 – 80999", "“803 – 80999” is a range of codes of two lengths; write both alike."),
        ("DE", "80999-80331", "“80999-80331” ends before it begins; write the lower code first."),
        ("GB", "!!", "“!!” is not a postal code, nor the beginning of one."),
    ],
)
def test_what_is_no_entry(country: str, text: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=r"^“") as refusal:
        parse(country, text)
    assert str(refusal.value) == sentence


@pytest.mark.parametrize(
    ("first", "second", "overlap"),
    [
        ("80331-80999", "80999", True),
        ("80331-80999", "81000-81999", False),
        ("80331-80999", "803", False),  # the longer one is meant
        ("803", "803", True),
        ("803", "802-804", True),
    ],
)
def test_overlap(first: str, second: str, overlap: bool) -> None:  # noqa: FBT001
    assert parse("DE", first).overlaps(parse("DE", second)) is overlap
    assert parse("DE", second).overlaps(parse("DE", first)) is overlap


@given(st.integers(0, 99999), st.integers(0, 99999), st.integers(0, 99999))
def test_a_range_of_numbers_is_a_range_of_numbers(one: int, other: int, code: int) -> None:
    low, high = sorted((one, other))
    assert (f"{code:05}" in parse("DE", f"{low:05}-{high:05}")) is (low <= code <= high)
