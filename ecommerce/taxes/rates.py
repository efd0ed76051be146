"""The rates of the table that may hold for an order, as a query."""

from collections.abc import Iterable

from django.db.models import CharField, Func, Q, Subquery

from customers.postal_addresses import state_code
from customers.postal_codes import comparable
from ecommerce.models import TaxRate
from ecommerce.models.tax import TaxRateQuerySet
from ecommerce.taxes.territories import Place, countries_beside


class _JoinedCodes(Func):
    function = "array_to_string"
    template = "%(function)s(%(expressions)s, '')"
    output_field = CharField()


def rates_for(places: Iterable[Place], *, home: str) -> TaxRateQuerySet:
    """Return the rates of all days that may hold in these places, and those of the shop's own country, `home`.

    Empty only where the shop has no rates at all: the first of all rates is among them, whatever it is. Rates of other
    states and postal codes are left out: a shop may have those of all the states' ZIP codes.
    """
    first = Subquery(TaxRate.objects.order_by("pk").values("pk")[:1])
    held = Q(pk=first) | Q(country=home, region="", postal_codes=[], city="")
    for place in places:
        held |= _may_hold(place)
    return TaxRate.objects.alias(codes=_JoinedCodes("postal_codes")).filter(held)


def _may_hold(place: Place) -> Q:
    region = Q(region="") | Q(region__iexact=place.region) | Q(region__iexact=state_code(place.country, place.region))
    code = comparable(place.country, place.postal_code)
    beginnings = [code[:length] for length in range(1, len(code) + 1)]
    here = Q(country__in=sorted(countries_beside(place.country))) & region
    # A list of ranges, or of codes with letters, is compared in Python.
    return here & (Q(postal_codes__overlap=beginnings) | Q(postal_codes=[]) | Q(codes__regex="[^0-9]"))
