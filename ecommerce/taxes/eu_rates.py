"""The rates of all member states of the EU, from the package eu-vat-rates-data, into the table of tax rates.

What is missing is added. A rate whose percent is not the state's any more is closed the day before, so that its history
stays. A state may have several reduced rates, and which goods have which is the shop's to know: the lowest of at least
5 % is loaded, and any other of them that stands there stays.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any

import eu_vat_rates_data
from django.db import transaction
from django.utils.translation import gettext as _

from customers.tax_ids import NORTHERN_IRELAND
from ecommerce.models import TaxCategory, TaxRate
from ecommerce.models.tax import rate_country_name, shown_percent
from ecommerce.taxes.territories import EU

NAME = "VAT"
# Directive 2006/112/EC, art. 98 and 99: below it a rate is a super-reduced one, or one of a region, as Corsica's.
LEAST_REDUCED = 5
DAY = timedelta(days=1)


class Step(StrEnum):
    """What loading does with a rate."""

    ADD = "add"
    REPLACE = "replace"
    KEEP = "keep"
    BY_HAND = "by_hand"


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A state's rate of one category; `percents` are all that the state has for it, the one to load first."""

    country: str
    category: str
    percents: tuple[Decimal, ...]
    step: Step
    day: date
    old: TaxRate | None = None
    valid_from: date | None = None
    valid_until: date | None = None
    note: str = field(default="")

    @property
    def percent(self) -> Decimal:
        """What is loaded."""
        return self.percents[0]

    @property
    def shown_percent(self) -> str:
        """As the page lists it."""
        return shown_percent(self.percent)

    @property
    def others(self) -> str:
        """The other rates of that category, in words."""
        return ", ".join(map(shown_percent, self.percents[1:]))

    @property
    def last_day(self) -> date:
        """On which a rate that is replaced ends."""
        return self.day - DAY

    @property
    def country_name(self) -> str:
        """As the page lists it."""
        return rate_country_name(self.country)

    @property
    def category_name(self) -> str:
        """As the page lists it."""
        return str(TaxCategory(self.category).label)


def data_version() -> str:
    """Return the day of the data."""
    return eu_vat_rates_data.data_version


def proposals(*, day: date) -> list[Proposal]:
    """Return what loading would do for a day, by country."""
    countries = sorted([*EU, NORTHERN_IRELAND], key=rate_country_name)
    whole = TaxRate.objects.filter(country__in=countries, region="", city="", postal_codes=[]).order_by("valid_from")
    stored = list(whole)
    return [
        _proposal(country, category, percents, _of(stored, country, category), day)
        for country in countries
        for category, percents in _percents(eu_vat_rates_data.get_rate(country)).items()
    ]


def load(*, day: date) -> tuple[int, int]:
    """Write what `proposals` says; return how many rates were added, and how many of them replace another."""
    with transaction.atomic():
        TaxRate.objects.lock_table()
        steps = [each for each in proposals(day=day) if each.step in {Step.ADD, Step.REPLACE}]
        replaced = [each.old for each in steps if each.old and each.step == Step.REPLACE]
        for old in replaced:
            old.valid_until = day - DAY
        TaxRate.objects.bulk_update(replaced, ["valid_until"])
        TaxRate.objects.bulk_create([_rate(each) for each in steps])
    return len(steps), len(replaced)


def _percents(state: Any) -> dict[str, tuple[Decimal, ...]]:
    reduced, super_reduced = state["reduced"], state["super_reduced"]
    is_below = super_reduced is not None and super_reduced < LEAST_REDUCED
    found = {
        TaxCategory.STANDARD: [state["standard"]],
        TaxCategory.REDUCED: sorted(reduced, key=lambda each: (each < LEAST_REDUCED, each)),
        TaxCategory.SUPER_REDUCED: [super_reduced] if is_below else [],
    }
    return {category: tuple(Decimal(str(each)) for each in rates) for category, rates in found.items() if rates}


def _of(stored: Sequence[TaxRate], country: str, category: str) -> list[TaxRate]:
    return [each for each in stored if each.country == country and each.tax_category == category]


def _proposal(
    country: str, category: str, percents: tuple[Decimal, ...], stored: Sequence[TaxRate], day: date
) -> Proposal:
    def proposal(step: Step, **more: Any) -> Proposal:
        return Proposal(country=country, category=category, percents=percents, step=step, day=day, **more)

    current = [each for each in stored if each.holds_on(day)]
    if not current:
        return proposal(Step.ADD, **_gap(stored, day))
    old = current[0]
    if len(current) > 1:
        return proposal(Step.BY_HAND, old=old, note=_("There are several rates for it on that day."))
    if old.percent in percents:
        return proposal(Step.KEEP, old=old)
    if old.valid_from == day:
        return proposal(Step.BY_HAND, old=old, note=_("Another percent begins on that very day."))
    return proposal(Step.REPLACE, old=old, valid_from=day, valid_until=old.valid_until)


def _gap(stored: Sequence[TaxRate], day: date) -> dict[str, date | None]:
    """Return the days between the rates before and after a day."""
    ends = [each.valid_until for each in stored if each.valid_until and each.valid_until < day]
    begins = [each.valid_from for each in stored if each.valid_from and each.valid_from > day]
    return {"valid_from": max(ends) + DAY if ends else None, "valid_until": min(begins) - DAY if begins else None}


def _rate(each: Proposal) -> TaxRate:
    name = each.old.name if each.old else NAME
    days = {"valid_from": each.valid_from, "valid_until": each.valid_until}
    return TaxRate(country=each.country, tax_category=each.category, name=name, percent=each.percent, **days)
