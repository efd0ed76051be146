"""The admin of shipping zones, with their rates inline."""

from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Prefetch, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.admin import TabularInline

from backoffice.badges import badge
from backoffice.base_admin import StaffAdmin
from backoffice.columns import column
from backoffice.concurrent_edits import ConcurrentInline
from billing.money import format_money
from customers.countries import country_choices
from ecommerce.admin.shipping.forms import RateForm, ZoneForm
from ecommerce.models import ShippingRate, ShippingZone, Sku

MAX_SHOWN = 4


class RateInline(ConcurrentInline, TabularInline):  # type: ignore[misc]
    model = ShippingRate
    form = RateForm
    extra = 0
    ordering = ("currency", "weight_from", "price", "pk")
    verbose_name_plural = _("Rates")

    def get_fields(self, request: HttpRequest, obj: ShippingZone | None = None) -> tuple[str, ...]:
        if self.has_change_permission(request, obj):
            return RateForm.Meta.fields
        return ("name", "price_money", "free_from_money", "weights", "days", "active")

    def get_readonly_fields(self, request: HttpRequest, obj: ShippingZone | None = None) -> tuple[str, ...]:
        return () if self.has_change_permission(request, obj) else ("price_money", "free_from_money", "weights", "days")

    def get_extra(self, request: HttpRequest, obj: ShippingZone | None = None, **options: Any) -> int:
        return 0 if obj else 1

    @column(_("price"))
    def price_money(self, rate: ShippingRate) -> str:
        return format_money(rate.price, rate.currency)

    @column(_("free from"))
    def free_from_money(self, rate: ShippingRate) -> str:
        return format_money(rate.free_from, rate.currency) if rate.free_from else gettext("never")

    @column(_("weight"))
    def weights(self, rate: ShippingRate) -> str:
        return rate.weights_in_words

    @column(_("days"))
    def days(self, rate: ShippingRate) -> str:
        return rate.days_in_words


@admin.register(ShippingZone)
class ShippingZoneAdmin(StaffAdmin):
    form = ZoneForm
    list_display = ("name", "places", "prices", "status_badge")
    search_fields = ("name",)
    search_help_text = _("Name")
    empty_text = _("Without zones everything ships free. With zones, an order ships where one of their rates fits.")
    inlines = (RateInline,)
    fields = ("name", "rest_of_world", "countries", "regions", "postal_codes")
    list_before_template = "admin/ecommerce/shippingzone/gaps.html"

    def get_fields(self, request: HttpRequest, obj: ShippingZone | None = None) -> tuple[str, ...]:
        return self.fields if self._edits(request, obj) else ("name", "places")

    def get_readonly_fields(self, request: HttpRequest, obj: ShippingZone | None = None) -> tuple[str, ...]:
        return () if self._edits(request, obj) else ("places",)

    def _edits(self, request: HttpRequest, obj: ShippingZone | None) -> bool:
        return bool(self.has_change_permission(request, obj) if obj else self.has_add_permission(request))

    def get_queryset(self, request: HttpRequest) -> QuerySet[ShippingZone]:
        sold = Sku.objects.on_sale().filter(product__shippable=True).values("currency").distinct()
        zones: QuerySet[ShippingZone] = super().get_queryset(request).annotate(sold_in=ArraySubquery(sold))
        return zones.prefetch_related(Prefetch("rates", ShippingRate.objects.order_by("currency", "price", "pk")))

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        gaps = {"gaps": uncovered(ShippingZone.objects.only("rest_of_world", "countries"))}
        return super().changelist_view(request, {**gaps, **(extra_context or {})})

    @column(_("places"))
    def places(self, zone: ShippingZone) -> str:
        return zone.places_in_words

    @column(_("rates"))
    def prices(self, zone: ShippingZone) -> str:
        active = [rate for rate in zone.rates.all() if rate.active]
        shown = [f"{rate.name} {format_money(rate.price, rate.currency)}" for rate in active[:MAX_SHOWN]]
        return ", ".join([*shown, *([f"+{len(active) - MAX_SHOWN}"] if len(active) > MAX_SHOWN else [])])

    @column(_("status"))
    def status_badge(self, zone: ShippingZone) -> SafeString:
        currencies = {rate.currency for rate in zone.rates.all() if rate.active}
        missing = sorted(set(zone.sold_in) - currencies)  # type: ignore[attr-defined]
        if not currencies:
            return badge("inactive", gettext("No rate"))
        if missing:
            named = ", ".join(currency.upper() for currency in missing)
            return badge("partial", gettext("No rate in %(currencies)s") % {"currencies": named})
        return badge("active", gettext("Shipped to"))


def uncovered(zones: Iterable[ShippingZone]) -> list[str]:
    """Return the names of the countries that no zone names at all, where there are zones."""
    found = list(zones)
    if not found or any(zone.rest_of_world for zone in found):
        return []
    named = {country for zone in found for country in zone.countries}
    return [name for code, name in country_choices() if code not in named]
