"""The filters of tax rates: country, what is taxed, and which days."""

from typing import Any

from django.db.models import DateField, Q, QuerySet
from django.db.models.functions import Cast, Now
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import DropdownFilter

from ecommerce.models import TaxRate
from ecommerce.models.tax import rate_categories, rate_country_name


class CountryFilter(DropdownFilter):  # type: ignore[misc]
    title = _("country")
    parameter_name = "country"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        codes = TaxRate.objects.order_by().values_list("country", flat=True).distinct()
        return sorted(((code, rate_country_name(code)) for code in codes), key=lambda country: country[1])

    def queryset(self, request: HttpRequest, queryset: QuerySet[TaxRate]) -> QuerySet[TaxRate]:
        return queryset.filter(country=self.value()) if self.value() else queryset


class CategoryFilter(DropdownFilter):  # type: ignore[misc]
    title = _("what")
    parameter_name = "what"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return rate_categories()

    def queryset(self, request: HttpRequest, queryset: QuerySet[TaxRate]) -> QuerySet[TaxRate]:
        return queryset.filter(tax_category=self.value()) if self.value() else queryset


TODAY = Cast(Now(), DateField())
BY_DAY = {
    "now": (Q(valid_from=None) | Q(valid_from__lte=TODAY)) & (Q(valid_until=None) | Q(valid_until__gte=TODAY)),
    "later": Q(valid_from__gt=TODAY),
    "ended": Q(valid_until__lt=TODAY),
}


class DayFilter(DropdownFilter):  # type: ignore[misc]
    title = _("valid")
    parameter_name = "valid"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("now", _("Today")), ("later", _("From a later day on")), ("ended", _("Ended"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[TaxRate]) -> QuerySet[TaxRate]:
        return queryset.filter(BY_DAY.get(self.value() or "", Q()))
