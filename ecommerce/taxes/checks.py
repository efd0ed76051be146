"""What a tax rate must be beyond what the database demands: said by the form and by imports alike."""

from collections.abc import Iterable, Iterator

from django.utils.translation import gettext as _

from customers import postal_codes
from ecommerce.models import TaxRate

WITHOUT_REASON = frozenset({TaxRate.Category.S, TaxRate.Category.Z})


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
