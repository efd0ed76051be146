"""The columns of a file of tax rates. A rate is found by its place, category, name and first day."""

import datetime as dt
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from django.utils.dateparse import parse_date
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backoffice.imports.importer import Importer, folded
from backoffice.imports.sheets import ShownWithZeros, is_blank
from backoffice.imports.values import ChoiceColumn, Column, TextColumn, as_text, quoted
from customers.postal_addresses import known_state
from ecommerce.models import TaxRate
from ecommerce.models.tax import rate_categories, rate_countries, rate_country_name, shown_percent
from ecommerce.taxes.checks import clash, faults, postal_codes_of

_PERCENT = re.compile(r"([0-9]{1,3})(?:[.,]([0-9]{1,4}))?\s*%?")
MOST = 100


def _field(name: str) -> Any:
    return TaxRate._meta.get_field(name)  # noqa: SLF001 - Django's public Meta API


def _country_of(row: Mapping[str, Any]) -> str:
    text = as_text(row.get("country"))
    by_name = {folded(str(name)): code for code, name in rate_countries()}
    code = by_name.get(folded(text), text.upper())
    if code not in dict(rate_countries()):
        raise ValueError(_("“%(cell)s” is no country: write its code of two letters, as DE.") % {"cell": quoted(text)})
    return code


class CountryColumn(Column):
    def parse(self, cell: Any, row: Mapping[str, Any]) -> str:
        return _country_of(row)

    def show(self, value: Any, row: Mapping[str, Any]) -> str:
        return rate_country_name(value)


class RegionColumn(TextColumn):
    def parse(self, cell: Any, row: Mapping[str, Any]) -> str:
        return known_state(_country_of(row), super().parse(cell, row))


class PostalCodesColumn(Column):
    def parse(self, cell: Any, row: Mapping[str, Any]) -> list[str]:
        entries = (" ".join(entry.split()) for entry in re.split(r"[,;\r\n]", as_text(cell)))
        return postal_codes_of(_country_of(row), filter(None, entries))

    def show(self, value: Any, row: Mapping[str, Any]) -> str:
        return ", ".join(value)

    def export(self, value: Any, row: Mapping[str, Any]) -> str:
        return ", ".join(value)


class PercentColumn(Column):
    def parse(self, cell: Any, row: Mapping[str, Any]) -> Decimal:
        if isinstance(cell, ShownWithZeros):
            cell = cell.number
        text = format(cell, ".15g") if isinstance(cell, float) else as_text(cell)
        match = _PERCENT.fullmatch(text)
        value = Decimal(f"{match[1]}.{match[2] or 0}").normalize() if match else None
        if value is None or value > MOST:
            sentence = _("“%(cell)s” is no percentage: write a number from 0 to 100 with at most 4 decimals, as 19.")
            raise ValueError(sentence % {"cell": quoted(text)})
        return value

    def show(self, value: Any, row: Mapping[str, Any]) -> str:
        return shown_percent(value)

    def export(self, value: Any, row: Mapping[str, Any]) -> Decimal:
        return Decimal(f"{value.normalize():f}")


class KindColumn(ChoiceColumn):
    def parse(self, cell: Any, row: Mapping[str, Any]) -> str:
        code = as_text(cell).upper()
        if code not in self.choices:
            sentence = _("“%(cell)s” is not a valid choice; write %(choices)s.")
            raise ValueError(sentence % {"cell": quoted(code), "choices": ", ".join(self.choices)})
        return code


class DayColumn(Column):
    def parse(self, cell: Any, row: Mapping[str, Any]) -> dt.date | None:
        if isinstance(cell, dt.datetime):
            return cell.date()
        if isinstance(cell, dt.date):
            return cell
        if is_blank(cell):
            return None
        text = as_text(cell)
        try:
            day = parse_date(text)
        except ValueError:
            day = None
        if day is None:
            raise ValueError(_("“%(cell)s” is no day: write it as 2027-01-31.") % {"cell": quoted(text)})
        return day

    def show(self, value: Any, row: Mapping[str, Any]) -> str:
        return date_format(value) if value else ""

    def export(self, value: Any, row: Mapping[str, Any]) -> str:
        return value.isoformat() if value else ""


class TaxRateResource(Importer):
    model, key = TaxRate, "country"
    columns = (
        CountryColumn("country", gettext_lazy("Country")),
        RegionColumn("region", gettext_lazy("State or province"), field=_field("region")),
        PostalCodesColumn("postal_codes", gettext_lazy("Postal codes")),
        TextColumn("city", gettext_lazy("City"), field=_field("city")),
        ChoiceColumn("tax_category", gettext_lazy("What"), choices=dict(rate_categories())),
        TextColumn("name", gettext_lazy("Name"), field=_field("name")),
        PercentColumn("percent", gettext_lazy("Percent")),
        KindColumn("category", gettext_lazy("Kind"), choices=dict(TaxRate.Category.choices)),
        TextColumn("reason", gettext_lazy("Reason"), field=_field("reason")),
        DayColumn("valid_from", gettext_lazy("Valid from")),
        DayColumn("valid_until", gettext_lazy("Last day")),
    )
    needed_for_new = ("name", "percent")

    def same(self, values: Mapping[str, Any]) -> str:
        rate = _rate(values)
        return repr((*rate.what, rate.valid_from))

    def label(self, values: Mapping[str, Any], stored: Any) -> str:
        return str(_rate(values, stored))

    def find(self, rows: list[dict[str, Any]]) -> dict[int, Any]:
        countries = {row["country"] for row in rows if row.get("country")}
        stored = {self._key(each): each for each in TaxRate.objects.filter(country__in=countries)}
        complete = {index: row for index, row in enumerate(rows) if row.get("country") and row.get("name")}
        found = {index: stored.get(self._key(_rate(row))) for index, row in complete.items()}
        wanted = {index: _rate(row, found[index]) for index, row in complete.items()}
        touched = {each.pk for each in found.values() if each}
        others = _by_what([*(each for each in stored.values() if each.pk not in touched), *wanted.values()])
        clashes = {index: clash(rate, others[rate.what]) for index, rate in wanted.items()}
        return {index: clashes[index] or each for index, each in found.items()}

    @staticmethod
    def _key(rate: TaxRate) -> tuple[Any, ...]:
        return (*rate.what, rate.valid_from)

    def rule(self, values: Mapping[str, Any], stored: Any) -> Iterator[tuple[str, str]]:
        if "percent" in values or stored:
            yield from faults(_rate(values, stored))


def _by_what(rates: Iterable[TaxRate]) -> Mapping[tuple[object, ...], Sequence[TaxRate]]:
    found: dict[tuple[object, ...], list[TaxRate]] = defaultdict(list)
    for rate in rates:
        found[rate.what].append(rate)
    return found


def _rate(values: Mapping[str, Any], stored: TaxRate | None = None) -> TaxRate:
    """Return what a row makes of a rate, or of a new one."""
    before = {column.name: getattr(stored, column.name) for column in TaxRateResource.columns} if stored else {}
    return TaxRate(**{"percent": Decimal(0), **before, **values})
