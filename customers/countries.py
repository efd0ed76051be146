"""Countries: ISO 3166-1 codes with their names from CLDR, in the language of the request."""

from collections.abc import Mapping

from babel import Locale
from django.utils.translation import get_language

# CLDR names these codes too, but they are unions, parts of other countries, or reserved.
_NOT_COUNTRIES = frozenset({"AC", "CP", "CQ", "DG", "EA", "EU", "EZ", "IC", "QO", "TA", "UN", "XA", "XB", "ZZ"})


def country_choices() -> list[tuple[str, str]]:
    """Return (code, name), sorted by name."""
    countries = {code: name for code, name in _names().items() if len(code) == len("US") and code not in _NOT_COUNTRIES}
    return sorted(countries.items(), key=lambda country: country[1])


def country_name(code: str) -> str:
    """Return the code itself if it is unknown."""
    return code if code in _NOT_COUNTRIES else _names().get(code, code)


def _names() -> Mapping[str, str]:
    names: Mapping[str, str] = Locale.parse(get_language() or "en", sep="-").territories
    return names
