from contextlib import suppress
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing import money

CODES = [code for code, shown in money.supported()]
codes = st.sampled_from(CODES)
amounts = st.integers(-money.MAX_AMOUNT, money.MAX_AMOUNT)


@pytest.mark.parametrize(
    ("code", "exponent", "step", "minimum", "maximum"),
    [
        ("usd", 2, 1, 50, 99_999_999),
        ("gbp", 2, 1, 30, 99_999_999),
        ("huf", 2, 1, 17500, 99_999_999),
        ("twd", 2, 1, 0, 99_999_999),
        ("jpy", 0, 1, 50, 99_999_999),
        ("mga", 0, 1, 0, 99_999_999),
        ("isk", 2, 100, 0, 99_999_900),
        ("ugx", 2, 100, 0, 99_999_900),
        ("kwd", 3, 10, 0, 99_999_990),
        ("idr", 2, 1, 0, 999_999_999_999),
    ],
)
def test_a_currency_is_counted_as_stripe_counts_it(
    code: str, exponent: int, step: int, minimum: int, maximum: int
) -> None:
    assert money.currency(code) == money.Currency(code, exponent, step, minimum, maximum)


@pytest.mark.parametrize(
    ("text", "code", "amount"),
    [
        ("9999999999.99", "idr", 999_999_999_999),
        ("99999.990", "kwd", 99_999_990),
        ("999999.00", "isk", 99_999_900),
        ("99999999", "jpy", 99_999_999),
    ],
)
def test_the_largest_amount_is_that_of_the_currency(text: str, code: str, amount: int) -> None:
    assert money.parse_amount(text, code) == amount
    with pytest.raises(money.InvalidAmount, match="above"):
        money.parse_amount(f"1{text}", code)


def test_stripes_special_lists_are_whole() -> None:
    by_exponent = {n: " ".join(code for code in CODES if money.currency(code).exponent == n) for n in (0, 3)}
    assert by_exponent[0] == "bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf"
    assert by_exponent[3] == "bhd jod kwd omr tnd"
    assert [code for code in CODES if money.currency(code).step == 100] == ["isk", "ugx"]
    assert len([code for code in CODES if money.currency(code).minimum]) == 23


def test_each_currency_is_listed_once_and_every_minimum_is_on_its_step() -> None:
    kinds = (money._TWO_DECIMALS, money._NO_DECIMALS, money._WHOLE_OF_TWO_DECIMALS, money._THREE_DECIMALS)
    assert sorted(code for codes in kinds for code in codes.split()) == CODES
    assert set(money._MINIMUMS) <= set(CODES)
    assert all(money.is_on_step(money.currency(code).minimum, code) for code in CODES)


def test_a_currency_is_found_in_either_case_and_kept_in_lower_case() -> None:
    assert money.currency("EUR") is money.currency("eur")
    assert ("eur", "EUR") in money.supported()


@pytest.mark.parametrize("code", ["", "xxx", "bgn", "us", "dollar"])
def test_a_currency_that_is_not_listed_is_refused(code: str) -> None:
    with pytest.raises(money.UnsupportedCurrency) as refused:
        money.currency(code)
    assert str(refused.value) == f"{code.upper()} is not a currency that can be charged."


@pytest.mark.parametrize(
    ("amount", "code", "programs", "people"),
    [
        (4500, "usd", "45.00", "USD 45.00"),
        (128450, "eur", "1284.50", "EUR 1,284.50"),
        (5, "usd", "0.05", "USD 0.05"),
        (0, "usd", "0.00", "USD 0.00"),
        (-5, "usd", "-0.05", "−USD 0.05"),
        (4500, "jpy", "4500", "JPY 4,500"),
        (-4500, "jpy", "-4500", "−JPY 4,500"),
        (4500, "kwd", "4.500", "KWD 4.500"),
        (-10, "kwd", "-0.010", "−KWD 0.010"),
        (500, "isk", "5.00", "ISK 5.00"),
        (99_999_999, "usd", "999999.99", "USD 999,999.99"),
    ],
)
def test_an_amount_is_written_with_the_digits_of_its_currency(
    amount: int, code: str, programs: str, people: str
) -> None:
    assert money.plain(amount, code) == programs
    assert money.format_money(amount, code) == people


def test_the_locale_says_how_digits_are_parted() -> None:
    assert money.format_money(128450, "eur", "de_DE") == "EUR 1.284,50"
    assert money.format_money(12845000, "inr", "en_IN") == "INR 1,28,450.00"
    assert money.format_money(128450, "eur") == "EUR 1,284.50"


@pytest.mark.parametrize(
    ("text", "code", "amount"),
    [
        ("45", "usd", 4500),
        ("45.00", "usd", 4500),
        ("45.5", "usd", 4550),
        (" 1,284.50 ", "usd", 128450),
        ("0", "usd", 0),
        ("007", "usd", 700),
        ("999,999.99", "usd", 99_999_999),
        ("4500", "jpy", 4500),
        ("4.5", "kwd", 4500),
        ("4.520", "kwd", 4520),
        ("45.00", "isk", 4500),
        ("0" * 6000 + "1", "usd", 100),
    ],
)
def test_what_a_person_types_is_read(text: str, code: str, amount: int) -> None:
    assert money.parse_amount(text, code) == amount


@pytest.mark.parametrize(
    ("text", "code", "sentence"),
    [
        ("", "usd", "Write an amount, for example 1,284.50."),
        ("  ", "jpy", "Write an amount, for example 1,285."),
        ("45.001", "usd", "An amount in USD has at most 2 decimals; write it like 1,284.50."),
        ("45.000", "usd", "An amount in USD has at most 2 decimals; write it like 1,284.50."),
        ("45.0", "jpy", "An amount in JPY has no decimals; write it like 1,285."),
        ("45.50", "isk", "An amount in ISK goes in steps of 1.00; write it like 1,285.00."),
        ("4.505", "kwd", "An amount in KWD goes in steps of 0.010; write it like 1,284.500."),
        ("-45", "usd", "The amount can't be below zero."),
        ("1000000.00", "usd", "The amount can't be above USD 999,999.99."),
        ("1000000", "isk", "The amount can't be above ISK 999,999.00."),
        ("9" * 6000, "usd", "The amount can't be above USD 999,999.99."),
    ],
)
def test_a_refused_amount_says_what_to_write(text: str, code: str, sentence: str) -> None:
    with pytest.raises(money.InvalidAmount) as refused:
        money.parse_amount(text, code)
    assert str(refused.value) == sentence


@pytest.mark.parametrize(
    "text",
    ["NaN", "inf", "1e3", "4_5", "+45", "--45", "45.", ".5", "1,28", "12,84.50", "1.284,50", "1,2845", "$45", "٤٥",
     "45\n45", "0x10", "4 5", "−45", "{like}"],
)  # fmt: skip
def test_what_is_no_amount_is_refused_as_it_was_typed(text: str) -> None:
    with pytest.raises(money.InvalidAmount) as refused:
        money.parse_amount(text, "usd", negative=True)
    assert str(refused.value) == f"“{text}” is not an amount; write it like 1,284.50."


def test_a_negative_amount_is_read_where_it_is_allowed() -> None:
    assert money.parse_amount("-1,284.50", "usd", negative=True) == -128450
    assert money.parse_amount("-0", "usd", negative=True) == 0


@given(amounts, codes)
def test_what_is_written_is_read_back(amount: int, code: str) -> None:
    amount = int(amount / Fraction(money.currency(code).step)) * money.currency(code).step
    assert money.parse_amount(money.plain(amount, code), code, negative=True) == amount
    shown = money.format_money(amount, code).replace("−", "-").replace(f"{code.upper()} ", "")
    assert money.parse_amount(shown, code, negative=True) == amount


@given(st.text(max_size=20) | st.text("0123456789,.- ", max_size=12), codes)
def test_any_text_is_read_or_refused(text: str, code: str) -> None:
    with suppress(money.InvalidAmount):
        amount = money.parse_amount(text, code)
        assert type(amount) is int
        assert 0 <= amount <= money.MAX_AMOUNT
        assert money.is_on_step(amount, code)


@pytest.mark.parametrize(
    ("amount", "code", "rounded"),
    [
        (Fraction(5, 2), "usd", 3),
        (Fraction(249, 100), "usd", 2),
        (Fraction(-5, 2), "usd", -3),
        (Fraction(1, 2), "jpy", 1),
        (5124, "kwd", 5120),
        (5125, "kwd", 5130),
        (Fraction(10249, 2), "kwd", 5120),
        (149, "isk", 100),
        (150, "isk", 200),
        (-150, "ugx", -200),
    ],
)
def test_halves_round_away_from_zero_to_the_step(amount: int | Fraction, code: str, rounded: int) -> None:
    assert money.round_to_step(amount, code) == rounded


@given(st.fractions(-1_000_000, 1_000_000), codes)
def test_rounding_stays_on_the_step_and_within_half_of_it(amount: Fraction, code: str) -> None:
    rounded = money.round_to_step(amount, code)
    assert type(rounded) is int
    assert money.is_on_step(rounded, code)
    assert abs(rounded - amount) * 2 <= money.currency(code).step
    assert money.round_to_step(-amount, code) == -rounded
    assert money.round_to_step(rounded, code) == rounded
