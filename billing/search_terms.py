"""What is typed into a search box where money is shown: numbers, amounts, the last four digits of a card."""

import functools
import re
from dataclasses import dataclass
from decimal import Decimal

from babel.numbers import get_currency_symbol
from django.db.models import Q

from billing.money import currency, supported

MAX_NUMBERS = 100
_NUMBER_LABELS = frozenset({"order", "orders", "no", "nr", "number", "numbers", "and"})
_INVOICE_LABELS = frozenset({"invoice", "invoices", "inv", "no", "nr", "number", "numbers", "and"})
_WHOLE_NUMBER = re.compile(r"[a-z]{1,6}[-/.]?(?:[0-9]{4}-)?[0-9]{6,15}", re.IGNORECASE)
_DECIMALS = re.compile(r"[0-9]+,[0-9]{1,2}")
_BRANDS = r"visa|mastercard|amex|american express|discover|diners(?: club)?|jcb|unionpay|card"
_LAST4 = re.compile(
    rf"(?P<brand>{_BRANDS})?(?:\s*ending(?:\s(?:in|with))?)?[\s•*·∙●x.]*(?P<last4>[0-9]{{4}})", re.IGNORECASE
)
# Digits in groups of three or not, and at most three decimals.
_AMOUNT = r"[0-9]{1,3}(?:[,.' ’][0-9]{3})+(?:[.,][0-9]{1,3})?|[0-9]{1,12}(?:[.,][0-9]{1,3})?"
_MONEY = re.compile(rf"(?P<before>[^\d\s.,+-]{{0,5}})\s*(?P<amount>{_AMOUNT})\s*(?P<after>[^\d\s.,+-]{{0,5}})")
_LOCAL_SYMBOLS = {"kr": "sek nok dkk isk", "zł": "pln", "kč": "czk", "fr": "chf", "fr.": "chf", "ft": "huf", "₺": "try"}
_DOLLARS, _YEN = "$", "¥"


def typed_numbers(text: str) -> list[str]:
    """The numbers of "1323", "#1323", "Order 1323" and "1323 1324, 1325"; none where anything else was typed."""
    if _DECIMALS.fullmatch(text):
        return []
    words = _words(text, separators=r"[\s,;|/&#:]+")
    numbers = [word for word in words if re.fullmatch(r"[0-9]{1,20}", word)]
    return numbers[:MAX_NUMBERS] if _NUMBER_LABELS.issuperset(set(words) - set(numbers)) else []


def typed_invoice_numbers(text: str) -> list[str]:
    """Leading zeros and the hyphen may be left out: INV-000323 of "INV 323", "invoice INV-323"."""
    words = _words(text, separators=r"[\s,;|/&#:_–-]+")
    numbers = [word for word in words if re.fullmatch(r"(?:inv)?[0-9]{1,15}", word)]
    if not any(word.startswith("inv") for word in words) or set(words) - set(numbers) - _INVOICE_LABELS:
        return []
    return [f"INV-{number.removeprefix('inv').lstrip('0'):0>6}" for number in numbers[:MAX_NUMBERS]]


def typed_whole_number(text: str) -> str:
    """Return what may be the number of an invoice or credit note with any prefix; empty for what is none."""
    return text.upper() if _WHOLE_NUMBER.fullmatch(text) else ""


def _words(text: str, *, separators: str) -> list[str]:
    return [word for part in re.split(separators, text.lower()) if (word := part.rstrip("."))]


@dataclass(frozen=True, slots=True)
class TypedCard:
    """`is_certain` unless four digits are all that was typed."""

    last4: str
    brand: str
    is_certain: bool

    def query(self, prefix: str) -> Q:
        """Match cards whose fields begin with `prefix`."""
        brand = {f"{prefix}brand__iexact": self.brand} if self.brand else {}
        return Q(**{f"{prefix}last4": self.last4}, **brand)


def typed_card(text: str) -> TypedCard | None:
    """Read "4242", "•••• 4242", "Visa •••• 4242", "ending in 4242"."""
    match = _LAST4.fullmatch(text)
    if match is None:
        return None
    brand = (match["brand"] or "").lower()
    known = {"card": "", "american express": "amex", "diners club": "diners"}.get(brand, brand)
    return TypedCard(match["last4"], known, is_certain=len(text) > len(match["last4"]))


def typed_amount(text: str, column: str) -> Q | None:
    """Match what may be meant by "24.90", "24,90", "1,284.50", "USD 24.90", "€24.90".

    Without a currency there must be decimals: other digits are numbers. 1.234 is read both ways.
    """
    match = _MONEY.fullmatch(text)
    if match is None:
        return None
    named = match["before"] or match["after"]
    codes = _codes(named) if named else [code for code, _name in supported()]
    if not named and not re.search(r"[.,]", match["amount"]):
        return None
    found = Q()
    for value in _readings(match["amount"]):
        for exponent in (0, 2, 3):
            alike = [code for code in codes if currency(code).exponent == exponent]
            units = value.scaleb(exponent)
            if alike and units == units.to_integral_value():
                found |= Q(**{column: int(units), "currency__in": alike})
    return found or None


def _readings(amount: str) -> set[Decimal]:
    digits = re.sub(r"[^0-9]", "", amount)
    signs = re.findall(r"[^0-9]", amount)
    if not signs:
        return {Decimal(digits)}
    last = len(amount) - 1 - max(amount.rfind(sign) for sign in signs)
    readings = set()
    # The last sign stands before decimals, unless it is repeated, or is a blank or an apostrophe.
    if signs[-1] in ".," and signs.count(signs[-1]) == 1:
        readings.add(Decimal(digits).scaleb(-last))
    if last == len("000") and len(set(signs)) == 1:
        readings.add(Decimal(digits))
    return readings


def _codes(named: str) -> list[str]:
    return _symbols().get(named.lower(), [])


@functools.cache
def _symbols() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {symbol: codes.split() for symbol, codes in _LOCAL_SYMBOLS.items()}
    for code, name in supported():
        symbol = get_currency_symbol(name, "en_US")
        short = next((sign for sign in (_DOLLARS, _YEN) if symbol.endswith(sign)), symbol)
        for each in {code, symbol.lower(), short.lower()}:
            found.setdefault(each, []).append(code)
    return found
