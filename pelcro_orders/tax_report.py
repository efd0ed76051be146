"""The tax report as a page, by months, and as a CSV file."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import groupby
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backoffice import database_clock
from backoffice.writers import Format, csv_lines
from billing.money import plain
from billing.tax_report import KEY, TaxReportRow, month_of, tax_report

AMOUNTS = ("sold", "sold_tax", "credited", "credited_tax", "taxable", "tax")
HEADER = (*KEY, "sales_taxable", "sales_tax", "credited_taxable", "credited_tax", "taxable", "tax")


@dataclass(frozen=True, slots=True)
class Month:
    """The rows of a month; `taxes` has the currencies and their sums of tax, in the minor unit."""

    first: date
    rows: list[TaxReportRow]
    taxes: list[tuple[str, int]]


class MonthField(forms.DateField):
    """A month as the browser's own field of that type writes it: 2026-11."""

    def __init__(self, label: Any) -> None:
        attributes = {"type": "month", "class": "month", "placeholder": "2026-11"}
        widget = forms.DateInput(attrs=attributes, format="%Y-%m")
        said = {"invalid": gettext_lazy("Write a month like 2026-11.")}
        super().__init__(label=label, input_formats=["%Y-%m"], widget=widget, required=False, error_messages=said)

    def to_python(self, value: Any) -> date | None:
        month = super().to_python(value)
        if month and not 2000 <= month.year < 3000:  # noqa: PLR2004 - no shop sold before, and none will
            raise forms.ValidationError(self.error_messages["invalid"], code="invalid")
        return month


class PeriodForm(forms.Form):
    """The current month where nothing is chosen."""

    first = MonthField(gettext_lazy("From"))
    last = MonthField(gettext_lazy("To"))

    def __init__(self, data: Any) -> None:
        self.current = month_of(database_clock.now())
        super().__init__({"first": f"{self.current:%Y-%m}", "last": f"{self.current:%Y-%m}", **data.dict()})

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        first, last = (cleaned.get(name) or self.current for name in ("first", "last"))
        if first > last:
            self.add_error("last", _("The last month is before the first."))
        return {"first": first, "last": last}


def tax_report_view(request: HttpRequest) -> HttpResponse:
    if not request.user.has_perm("billing.view_invoice"):
        raise PermissionDenied
    form = PeriodForm(request.GET)
    rows = tax_report(**form.cleaned_data) if form.is_valid() else []
    if request.GET.get("format") == Format.CSV and form.is_valid():
        return _csv(form.cleaned_data, rows)
    request.current_app = admin.site.name
    context = {
        **admin.site.each_context(request),
        "title": _("Tax report"),
        "form": form,
        "months": list(_months(rows)),
        "zone": settings.TIME_ZONE,
        "csv_link": f"?{urlencode({name: form[name].value() for name in form.fields} | {'format': Format.CSV})}",
    }
    return TemplateResponse(request, "admin/billing/tax_report.html", context)


def _months(rows: Iterable[TaxReportRow]) -> Iterator[Month]:
    for first, of_month in groupby(rows, key=lambda row: row.month):
        listed = list(of_month)
        taxes = Counter[str]()
        for row in listed:
            taxes[row.currency] += row.tax
        yield Month(first, listed, sorted(taxes.items()))


def _csv(period: dict[str, date], rows: Iterable[TaxReportRow]) -> HttpResponse:
    name = f"tax-{period['first']:%Y-%m}-{period['last']:%Y-%m}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    lines = csv_lines(HEADER, map(_cells, rows))
    return HttpResponse("".join(lines), content_type=Format.CSV.content_type, headers=headers)


def _cells(row: TaxReportRow) -> list[Any]:
    amounts = [Decimal(plain(getattr(row, name), row.currency)) for name in AMOUNTS]
    rate = Decimal(f"{row.rate.normalize():f}")
    key = [f"{row.month:%Y-%m}", row.country, row.region, row.name, rate, row.category]
    return [*key, row.currency.upper(), *amounts]
