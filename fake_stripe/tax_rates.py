"""The tax that the fake Stripe knows: a few places and tax codes as of 2026, for tests and the demo."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fake_stripe.parameters import words

GOODS, DIGITAL, SERVICES, BOOKS, SHIPPING, NONTAXABLE = words(
    "txcd_99999999 txcd_10000000 txcd_20030000 txcd_35010000 txcd_92010001 txcd_00000000"
)
TAX_CODES = frozenset((GOODS, DIGITAL, SERVICES, BOOKS, SHIPPING, NONTAXABLE))
# The account's tax settings: where it sends from unless told, and the codes of what names none.
HEAD_OFFICE, DEFAULT_CODE, DEFAULT_SHIPPING_CODE = "DE", DIGITAL, SHIPPING
EU = frozenset(words("AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK"))
TAX_IDS = {
    "eu_vat": re.compile(rf"(?!DE)({'|'.join(sorted(EU | {'EL', 'XI'} - {'GR'}))})[0-9A-Z+*]{{7,12}}|DE\d{{9}}"),
    "gb_vat": re.compile(r"GB(\d{9}|\d{12})"),
    "ch_vat": re.compile(r"CHE-?\d{3}\.?\d{3}\.?\d{3} ?(MWST|TVA|IVA)"),
    "no_vat": re.compile(r"\d{9}MVA"),
    "us_ein": re.compile(r"\d{2}-?\d{7}"),
}


@dataclass(frozen=True)
class Rate:
    """What one jurisdiction takes; `percent` is a decimal as Stripe writes it."""

    level: str
    place: str
    percent: str
    name: str


@dataclass(frozen=True)
class Taxability:
    """How something is taxed: by these rates, or by none for a reason."""

    country: str
    state: str | None
    kind: str
    reason: str
    rates: tuple[Rate, ...]


def _state(place: str, percent: str) -> Rate:
    return Rate("state", place, percent, "Sales and Use Tax")


def _local(level: str, place: str, percent: str) -> Rate:
    return Rate(level, place, percent, "Local Sales and Use Tax")


# State: its rate, and by the beginning of a ZIP code what a city, county or district takes on top.
UNITED_STATES: dict[str, tuple[Rate, dict[tuple[str, ...], tuple[Rate, ...]]]] = {
    "CA": (
        _state("California", "6.0"),
        {("940",): (_local("county", "SAN MATEO", "0.25"), _local("district", "SAN MATEO CO LOCAL TAX SL", "3.625"))},
    ),
    "NY": (
        _state("New York", "4.0"),
        {
            words("100 101 102 103 104 111 112 113 114 116"): (
                _local("city", "NEW YORK CITY", "4.5"),
                _local("district", "METROPOLITAN COMMUTER TRANSPORTATION DISTRICT", "0.375"),
            )
        },
    ),
    "TX": (
        _state("Texas", "6.25"),
        {("787",): (_local("city", "AUSTIN", "1.0"), _local("district", "AUSTIN MTA TRANSIT", "1.0"))},
    ),
    "WA": (
        _state("Washington", "6.5"),
        {
            ("981",): (
                _local("city", "SEATTLE", "2.2"),
                _local("district", "REGIONAL TRANSIT AUTHORITY", "1.4"),
                _local("district", "SEATTLE TRANSPORTATION BENEFIT DISTRICT", "0.15"),
            )
        },
    ),
}
ZIP_STATES = {
    **dict.fromkeys(range(900, 962), "CA"),
    **dict.fromkeys(range(100, 150), "NY"),
    **dict.fromkeys(range(750, 800), "TX"),
    **dict.fromkeys(range(980, 995), "WA"),
}
# What a state does not tax at all.
EXEMPT = {"CA": {DIGITAL, SHIPPING, SERVICES}, "NY": {DIGITAL, SERVICES}, "TX": {SERVICES}, "WA": {SERVICES}}
# The name of the tax, its standard rate, and what books pay.
VAT = {
    "DE": ("Germany", "Umsatzsteuer (USt)", "19.0", "7.0"),
    "FR": ("France", "Taxe sur la valeur ajoutée (TVA)", "20.0", "5.5"),
    "GB": ("United Kingdom", "VAT", "20.0", "0.0"),
}


def taxability(details: Mapping[str, Any], *, origin: str, code: str) -> Taxability:
    """How what has this tax code is taxed when it goes to the customer of a calculation."""
    country, state = details["address"]["country"], us_state(details["address"])
    kind = "sales_tax" if country == "US" else "vat"
    reason = _untaxed(details, origin=origin, country=country, state=state, code=code)
    if reason is None and country == "US":
        rates = _united_states(str(state), details["address"]["postal_code"])
        return Taxability(country, state, kind, "standard_rated", rates)
    if reason is None:
        return _value_added(country, code)
    place = Rate("state", str(state), "0.0", "") if state else Rate("country", country, "0.0", "")
    return Taxability(country, state, kind, reason, (place,))


def _untaxed(details: Mapping[str, Any], *, origin: str, country: str, state: str | None, code: str) -> str | None:
    if details["taxability_override"] != "none":
        return str(details["taxability_override"])
    if state not in UNITED_STATES if country == "US" else country not in VAT:
        return "not_collecting"
    if code == NONTAXABLE or code in EXEMPT.get(state or "", ()):
        return "product_exempt"
    business = country in EU and any(each["type"] == "eu_vat" for each in details["tax_ids"])
    return "reverse_charge" if business and origin != country else None


def _united_states(state: str, postal_code: str) -> tuple[Rate, ...]:
    of_state, places = UNITED_STATES[state]
    return next(
        ((of_state, *rates) for prefixes, rates in places.items() if postal_code.startswith(prefixes)), (of_state,)
    )


def _value_added(country: str, code: str) -> Taxability:
    place, name, standard, of_books = VAT[country]
    if code != BOOKS:
        return Taxability(country, None, "vat", "standard_rated", (Rate("country", place, standard, name),))
    reason = "reduced_rated" if float(of_books) else "zero_rated"
    return Taxability(country, None, "vat", reason, (Rate("country", place, of_books, name),))


def us_state(address: Mapping[str, Any]) -> str | None:
    """The state of an address in the United States, by its ZIP code if it names none; None if nothing tells."""
    if address["country"] != "US":
        return None
    digits = (address["postal_code"] or "")[:3]
    return address["state"] or (ZIP_STATES.get(int(digits)) if digits.isdigit() else None)


def is_located(address: Mapping[str, Any]) -> bool:
    """Whether the address says enough to tell who taxes there."""
    if not re.fullmatch("[A-Z]{2}", address["country"]):
        return False
    if address["country"] != "US":
        return True
    code, state = address["postal_code"] or "", address["state"]
    if not re.fullmatch(r"\d{5}(-\d{4})?", code):
        return False
    known = ZIP_STATES.get(int(code[:3]))
    state = state or known
    return bool(re.fullmatch("[A-Z]{2}", state or "AA")) and (state == known or not {state, known} & set(UNITED_STATES))
