"""What a tax rate must be beyond what the database demands: said by the form and by imports alike."""

from collections.abc import Iterable, Iterator

from django.utils.translation import gettext as _

from customers import postal_codes
from customers.countries import country_name
from customers.postal_addresses import country_rules, field_label, state_code
from ecommerce.models import TaxRate

WITHOUT_REASON = frozenset({TaxRate.Category.S, TaxRate.Category.Z})


def region_of(country: str, text: str) -> str:
    """Return the code of a state or province; raise ValueError with a sentence for users."""
    rules, code = country_rules(country), state_code(country, text)
    if not text or rules is None or not rules.states or code in rules.states.values():
        return code
    label, example = field_label("state", rules), next(iter(rules.states.values()))
    sentence = _("“%(text)s” is not known as a %(label)s of %(country)s; write its name or its code, as %(example)s.")
    values = {"text": text[:30], "label": label.lower(), "country": country_name(country), "example": example}
    raise ValueError(sentence % values)


def postal_codes_of(country: str, entries: Iterable[str]) -> list[str]:
    """Return ranges and beginnings as they are stored; raise ValueError with a sentence for users."""
    return sorted({postal_codes.parse(country, entry).text for entry in entries})


def faults(rate: TaxRate) -> Iterator[tuple[str, str]]:
    """Fields and sentences of what speaks against a rate."""
    if rate.category != TaxRate.Category.S and rate.percent:
        yield "percent", _("Only S, what is taxed, has a rate above 0 %.")
    if rate.category in WITHOUT_REASON and rate.reason:
        yield "reason", _("S and Z have no reason: leave it empty.")
    if rate.category not in WITHOUT_REASON and not rate.reason:
        yield "reason", _("Say why no tax is charged, as invoices are to say it.")
    if rate.valid_from and rate.valid_until and rate.valid_until < rate.valid_from:
        yield "valid_until", _("The last day is before the first one.")


def clash(rate: TaxRate, others: Iterable[TaxRate]) -> str:
    """Return a sentence where another rate of the same name and place holds on some of the same days."""
    for other in others:
        if other is not rate and other.what == rate.what and other.overlaps(rate):
            sentence = _("%(other)s holds on some of these days (%(days)s): end it the day before this one begins.")
            return sentence % {"other": other, "days": other.validity}
    return ""
