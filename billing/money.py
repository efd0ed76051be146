"""Money: integers in a currency's minor unit, as Stripe counts them. No ORM, no clock, no float.

Source of the table: https://docs.stripe.com/currencies. CLDR and ISO 4217 count some currencies otherwise (ISK, UGX,
MGA), so Babel only formats. Codes are kept in lower case, as at Stripe, and shown in upper case.
"""

import functools
import re
from copy import copy
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from babel import Locale
from babel.numbers import NumberPattern
from django.utils.functional import Promise
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

MAX_AMOUNT = 99_999_999
"""The largest amount of a charge, in the minor unit: eight digits, except for `_MAXIMUMS`."""

# Source: https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts
_MAXIMUMS = {"idr": 999_999_999_999}

_TWO_DECIMALS = """
    aed afn all amd ang aoa ars aud awg azn bam bbd bdt bmd bnd bob brl bsd bwp byn bzd cad cdf chf cny cop crc cve czk
    dkk dop dzd egp etb eur fjd fkp gbp gel gip gmd gtq gyd hkd hnl htg huf idr ils inr jmd kes kgs khr kyd kzt lak lbp
    lkr lrd lsl mad mdl mkd mmk mnt mop mur mvr mwk mxn myr mzn nad ngn nio nok npr nzd pab pen pgk php pkr pln qar ron
    rsd rub sar sbd scr sek sgd shp sle sos srd std szl thb tjs top try ttd twd tzs uah usd uyu uzs wst xcd xcg yer zar
    zmw
"""
_NO_DECIMALS = "bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf"
# Sent with two decimals that must be 00: they lost their decimals after Stripe had begun to count them.
_WHOLE_OF_TWO_DECIMALS = "isk ugx"
# Sent with three decimals of which the last must be 0: card networks carry two.
_THREE_DECIMALS = "bhd jod kwd omr tnd"

# Stripe names a minimum for each currency it settles in. A charge in another currency must reach the minimum of the
# account's own after conversion, which only Stripe can tell.
_MINIMUMS = {
    "usd": 50, "aed": 200, "aud": 50, "brl": 50, "cad": 50, "chf": 50, "czk": 1500, "dkk": 250, "eur": 50, "gbp": 30,
    "hkd": 400, "huf": 17500, "inr": 50, "jpy": 50, "mxn": 1000, "myr": 200, "nok": 300, "nzd": 50, "pln": 200,
    "ron": 200, "sek": 300, "sgd": 50, "thb": 1000,
}  # fmt: skip

MINUS = "−"  # U+2212; files keep the hyphen
_AMOUNT = re.compile(r"(?P<sign>-?)(?P<whole>[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.(?P<decimals>[0-9]+))?")
_QUOTED_LENGTH = 30


class UnsupportedCurrency(ValueError):
    """A currency that is not in the table; its text is fit for users."""


class InvalidAmount(ValueError):
    """A text that is no amount of the currency; its text is fit for users."""


@dataclass(frozen=True, slots=True)
class Currency:
    """A currency as Stripe counts it: `step` and the bounds of a charge are in the minor unit.

    `minimum` is 0 where Stripe names none. `maximum` lies on the step.
    """

    code: str
    exponent: int
    step: int
    minimum: int
    maximum: int


def _table() -> dict[str, Currency]:
    kinds = ((_TWO_DECIMALS, 2, 1), (_NO_DECIMALS, 0, 1), (_WHOLE_OF_TWO_DECIMALS, 2, 100), (_THREE_DECIMALS, 3, 10))
    listed = [
        Currency(code, exponent, step, _MINIMUMS.get(code, 0), _maximum(code, step))
        for codes, exponent, step in kinds
        for code in codes.split()
    ]
    return {each.code: each for each in sorted(listed, key=lambda each: each.code)}


def _maximum(code: str, step: int) -> int:
    digits = _MAXIMUMS.get(code, MAX_AMOUNT)
    return digits - digits % step


_CURRENCIES = _table()


def currency(code: str) -> Currency:
    """Look up an ISO code in either case; raise UnsupportedCurrency."""
    try:
        return _CURRENCIES[code.lower()]
    except KeyError:
        sentence = format_lazy(_("{code} is not a currency that can be charged."), code=code.upper()[:_QUOTED_LENGTH])
        raise UnsupportedCurrency(sentence) from None


_terms = currency  # elsewhere below, `currency` is the argument that holds the code


def supported() -> list[tuple[str, str]]:
    """The choices of a model field."""
    return [(code, code.upper()) for code in _CURRENCIES]


def plain(amount: int, currency: str) -> str:
    """Format an amount for files and form fields: 45.00, 4500 (JPY), 4.500 (KWD)."""
    exponent = _terms(currency).exponent
    digits = str(abs(amount)).zfill(exponent + 1)
    sign = "-" if amount < 0 else ""
    return f"{sign}{digits[:-exponent]}.{digits[-exponent:]}" if exponent else f"{sign}{digits}"


def format_money(amount: int, currency: str, locale: str = "en_US") -> str:
    """Format an amount for users: USD 45.00, −EUR 1,284.50. The locale is Babel's, with an underscore."""
    return f"{MINUS if amount < 0 else ''}{currency.upper()} {_number(abs(amount), currency, locale)}"


def _number(amount: int, currency: str, locale: str = "en_US") -> str:
    pattern, parsed = _pattern(locale, _terms(currency).exponent)
    formatted: str = pattern.apply(Decimal(plain(amount, currency)), parsed)
    return formatted


@functools.cache
def _pattern(locale: str, exponent: int) -> tuple[NumberPattern, Locale]:
    parsed = Locale.parse(locale)
    pattern = copy(parsed.decimal_formats[None])
    pattern.frac_prec = (exponent, exponent)
    return pattern, parsed


def is_on_step(amount: int, currency: str) -> bool:
    """Stripe takes an amount only if it is on the currency's step: whole krónur, dinars whose last digit is 0."""
    return amount % _terms(currency).step == 0


def coarse_steps() -> dict[int, list[str]]:
    """Return the currencies whose amounts go in steps above 1, by their step."""
    return {
        step: [each.code for each in _CURRENCIES.values() if each.step == step]
        for step in sorted({each.step for each in _CURRENCIES.values()} - {1})
    }


def round_to_step(amount: int | Fraction, currency: str) -> int:
    """Round an exact amount to the currency's step, halves away from zero."""
    step = _terms(currency).step
    rounded = (2 * abs(Fraction(amount)) + step) // (2 * step) * step
    return rounded if amount >= 0 else -rounded


def parse_amount(text: str, currency: str, *, negative: bool = False) -> int:
    """Parse what a user typed ("45", "45.00", "1,284.50") into minor units; raise InvalidAmount."""
    terms = _terms(currency)
    match = _AMOUNT.fullmatch(text.strip())
    if match is None:
        raise InvalidAmount(_not_an_amount(text.strip(), currency))
    if match["sign"] and not negative:
        raise InvalidAmount(_("The amount can't be below zero."))
    decimals = match["decimals"] or ""
    if len(decimals) > terms.exponent:
        raise InvalidAmount(_too_many_decimals(terms))
    amount = _bounded(match["whole"].replace(",", "") + decimals.ljust(terms.exponent, "0"), currency)
    if not is_on_step(amount, currency):
        raise InvalidAmount(off_step(currency))
    return -amount if match["sign"] else amount


def _bounded(digits: str, currency: str) -> int:
    # The digits are counted first: Python refuses to convert thousands of them.
    significant = digits.lstrip("0") or "0"
    maximum = _terms(currency).maximum
    if len(significant) > len(str(maximum)) or int(significant) > maximum + _terms(currency).step - 1:
        most = format_money(maximum, currency)
        raise InvalidAmount(format_lazy(_("The amount can't be above {most}."), most=most))
    return int(significant)


def _not_an_amount(text: str, currency: str) -> Promise:
    like = _example(currency)
    if not text:
        return format_lazy(_("Write an amount, for example {like}."), like=like)
    return format_lazy(_("“{text}” is not an amount; write it like {like}."), text=text[:_QUOTED_LENGTH], like=like)


def _too_many_decimals(terms: Currency) -> Promise:
    sentence = _("An amount in {code} has at most {exponent} decimals; write it like {like}.")
    if not terms.exponent:
        sentence = _("An amount in {code} has no decimals; write it like {like}.")
    return format_lazy(sentence, code=terms.code.upper(), exponent=terms.exponent, like=_example(terms.code))


def off_step(currency: str) -> Promise:
    """The error message of an amount that is not on the currency's step."""
    terms = _terms(currency)
    sentence = _("An amount in {code} goes in steps of {step}; write it like {like}.")
    step = plain(terms.step, terms.code)
    return format_lazy(sentence, code=terms.code.upper(), step=step, like=_example(terms.code))


def _example(currency: str) -> str:
    return _number(round_to_step(Fraction(2569, 2) * 10 ** _terms(currency).exponent, currency), currency)
