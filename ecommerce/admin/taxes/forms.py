"""The forms of tax rates and of the shop's settings."""

from typing import Any

from django import forms
from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminSelect2MultipleWidget, UnfoldAdminSelect2Widget

from billing.money import supported
from customers.countries import country_choices
from customers.postal_addresses import known_state
from ecommerce.admin.shipping.forms import ListField
from ecommerce.models import ShopSettings, TaxRate
from ecommerce.models.tax import rate_countries
from ecommerce.taxes.checks import clash, faults, postal_codes_of


def _countries() -> list[tuple[str, str]]:
    return [("", "–"), *rate_countries()]


class TaxRateForm(forms.ModelForm):  # type: ignore[type-arg]
    country = forms.ChoiceField(label=gettext_lazy("Country"), choices=_countries, widget=UnfoldAdminSelect2Widget)
    postal_codes = ListField(
        label=gettext_lazy("Postal codes"),
        help_text=gettext_lazy("Beginnings and ranges, for example: 27498, 96, 80331-80999. Empty: all of them."),
    )

    class Meta:
        model = TaxRate
        fields = (
            "country",
            "region",
            "postal_codes",
            "city",
            "tax_category",
            "name",
            "percent",
            "category",
            "reason",
            "valid_from",
            "valid_until",
        )
        help_texts = {
            "region": gettext_lazy("By name or code, for example CA. Empty: the whole country."),
            "city": gettext_lazy("Empty: all of them."),
            "valid_from": gettext_lazy("Empty: it has always been so. Days are those of the country that taxes."),
            "valid_until": gettext_lazy("The last day on which it counts. Empty: no end."),
        }

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        country = cleaned.get("country", "")
        self._read("region", known_state, country)
        self._read("postal_codes", postal_codes_of, country)
        if not self.errors:
            self._compare()
        return cleaned

    def _read(self, name: str, read: Any, country: str) -> None:
        if country and self.cleaned_data.get(name):
            try:
                self.cleaned_data[name] = read(country, self.cleaned_data[name])
            except ValueError as error:
                self.add_error(name, str(error))

    def _compare(self) -> None:
        if transaction.get_connection().in_atomic_block:  # while saving: nobody adds another one meanwhile
            TaxRate.objects.lock_table()
        rate = TaxRate(**{name: self.cleaned_data[name] for name in self.Meta.fields})
        for name, sentence in faults(rate):
            self.add_error(name, sentence)
        others = TaxRate.objects.filter(country=rate.country, tax_category=rate.tax_category).exclude(
            pk=self.instance.pk
        )
        if sentence := clash(rate, others):
            self.add_error("valid_from", sentence)


class ShopSettingsForm(forms.ModelForm):  # type: ignore[type-arg]
    tax_included_currencies = forms.MultipleChoiceField(
        label=gettext_lazy("Currencies whose prices include tax"),
        choices=supported,
        required=False,
        widget=UnfoldAdminSelect2MultipleWidget,
        help_text=gettext_lazy(
            "In all others tax is added to the price. A price that includes tax stays the same abroad, whatever rate "
            "or none applies there: the shop keeps the difference. Orders that were placed stay as they are."
        ),
    )
    stacked_countries = forms.MultipleChoiceField(
        label=gettext_lazy("Countries that add their taxes before rounding"),
        choices=country_choices,
        required=False,
        widget=UnfoldAdminSelect2MultipleWidget,
        help_text=gettext_lazy(
            "There the taxes of state, county and city are added, rounded once, and divided again; elsewhere each tax "
            "is rounded."
        ),
    )

    class Meta:
        model = ShopSettings
        fields = (
            "country",
            "tax_included_currencies",
            "shipping_tax",
            "tax_day",
            "stacked_countries",
            "small_business",
            "small_business_reason",
            "return_days",
            "cancel_minutes",
            "answer_days",
            "payment_link_days",
            "low_stock_at",
        )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        is_small, reason = cleaned.get("small_business"), cleaned.get("small_business_reason", "")
        if is_small and not reason:
            self.add_error("small_business_reason", _("Name the paragraph: invoices have to say it."))
        if reason and not is_small:
            self.add_error("small_business_reason", _("Leave it empty, or tick small business."))
        return cleaned
