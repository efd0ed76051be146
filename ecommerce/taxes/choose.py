"""Which rates of the table hold at a place on a day. No ORM queries, no clock."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from customers import postal_codes
from customers.postal_addresses import state_code
from ecommerce.models import TaxCategory, TaxRate
from ecommerce.models.tax import SHIPPING
from ecommerce.taxes.territories import Area, Place

# Without rates of its own, a category is taxed as the next one. Zero and exempt never fall back to a taxed one.
_CATEGORIES = {
    TaxCategory.REDUCED: (TaxCategory.REDUCED, TaxCategory.STANDARD),
    TaxCategory.SUPER_REDUCED: (TaxCategory.SUPER_REDUCED, TaxCategory.REDUCED, TaxCategory.STANDARD),
    TaxCategory.DIGITAL: (TaxCategory.DIGITAL, TaxCategory.STANDARD),
    SHIPPING: (SHIPPING, TaxCategory.STANDARD),
}


@dataclass(frozen=True, slots=True, order=True)
class _Reach:
    """How much of an address a rate names: of two rates with one name, the one that names more applies."""

    postal_code: int
    city: bool
    region: bool


def rates_at(area: Area, rates: Sequence[TaxRate], *, on: date) -> list[TaxRate]:
    """Return the rates of all categories that hold there on a day."""
    for country in area.countries:
        only_parts = area.in_part and country == area.countries[-1]
        valid = (each for each in rates if each.country == country and each.holds_on(on))
        found = [each for each in valid if _holds(each, area.place) and not (only_parts and not _names_a_part(each))]
        if found:
            return found
    return []


def in_category(rates: Iterable[TaxRate], category: str) -> list[TaxRate]:
    """Return those of one category, or of the one it falls back to; the smallest place of each name, largest first."""
    listed = list(rates)
    for each in _CATEGORIES.get(category, (category,)):
        if found := [rate for rate in listed if rate.tax_category == each]:
            return _smallest(found)
    return []


def _smallest(rates: Iterable[TaxRate]) -> list[TaxRate]:
    chosen: dict[str, TaxRate] = {}
    rank: Callable[[TaxRate], tuple[_Reach, date]] = lambda rate: (_reach(rate), rate.valid_from or date.min)  # noqa: E731
    for rate in sorted(rates, key=rank):
        chosen.pop(rate.name.casefold(), None)
        chosen[rate.name.casefold()] = rate
    return list(chosen.values())


def _reach(rate: TaxRate) -> _Reach:
    lengths = (postal_codes.parse(rate.country, each).length for each in rate.postal_codes)
    return _Reach(max(lengths, default=0), bool(rate.city), bool(rate.region))


def _names_a_part(rate: TaxRate) -> bool:
    return bool(rate.region or rate.postal_codes or rate.city)


def _holds(rate: TaxRate, place: Place) -> bool:
    return _in_region(rate, place) and _in_city(rate, place) and _in_postal_codes(rate, place)


def _in_region(rate: TaxRate, place: Place) -> bool:
    if not rate.region:
        return True
    return state_code(rate.country, rate.region).casefold() == state_code(rate.country, place.region).casefold()


def _in_city(rate: TaxRate, place: Place) -> bool:
    return not rate.city or " ".join(rate.city.casefold().split()) == " ".join(place.city.casefold().split())


def _in_postal_codes(rate: TaxRate, place: Place) -> bool:
    if not rate.postal_codes:
        return True
    code = postal_codes.comparable(place.country, place.postal_code)
    return any(code in postal_codes.parse(rate.country, each) for each in rate.postal_codes)
