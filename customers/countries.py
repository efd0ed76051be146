"""The countries of addresses: ISO 3166-1 codes with the names that CLDR gives them."""

from collections.abc import Mapping

from babel import Locale
from django.utils.translation import get_language

# CLDR names these too, but they are unions, parts of other countries, or no places at all.
_NO_COUNTRIES = frozenset({"AC", "CP", "CQ", "DG", "EA", "EU", "EZ", "IC", "QO", "TA", "UN", "XA", "XB", "ZZ"})


def country_choices() -> list[tuple[str, str]]:
    """Give code and name of each country, by name, in the language of who asks."""
    known = {code: name for code, name in _names().items() if len(code) == len("US") and code not in _NO_COUNTRIES}
    return sorted(known.items(), key=lambda country: country[1])


def country_name(code: str) -> str:
    """Give a country's name in the language of who asks; a code that is not known stands for itself."""
    return code if code in _NO_COUNTRIES else _names().get(code, code)


def _names() -> Mapping[str, str]:
    names: Mapping[str, str] = Locale.parse(get_language() or "en", sep="-").territories
    return names
