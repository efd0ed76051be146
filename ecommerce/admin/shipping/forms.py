"""The forms of zones and rates. A zone that names what another one names already is refused."""

import re
from collections.abc import Iterator
from typing import Any

from django import forms
from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import (
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelect2MultipleWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
)

from backoffice.concurrent_edits import ConcurrentEditForm
from billing.admin.fields import MoneyField, MoneyForm
from billing.money import supported
from customers import postal_codes
from customers.countries import country_choices, country_name
from customers.postal_addresses import known_state
from ecommerce.models import ShippingRate, ShippingZone
from ecommerce.shipping import overlaps

MAX_NAMED = 5


class ListField(forms.CharField):
    """Entries between commas, semicolons or line breaks; each of them once."""

    def __init__(self, **options: Any) -> None:
        widget = UnfoldAdminTextareaWidget(attrs={"rows": 3, "class": "o-list-field"})
        super().__init__(**{"required": False, "widget": widget, "max_length": 50_000, **options})

    def prepare_value(self, value: Any) -> Any:
        return ", ".join(value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        if isinstance(value, list):
            return value
        entries = (" ".join(entry.split()) for entry in re.split(r"[,;\r\n]", super().to_python(value) or ""))
        return list(dict.fromkeys(filter(None, entries)))

    def run_validators(self, value: Any) -> None:
        super().run_validators(self.prepare_value(value))

    def has_changed(self, initial: Any, data: Any) -> bool:
        return bool((initial or []) != self.to_python(data))


class ZoneForm(forms.ModelForm):  # type: ignore[type-arg]
    countries = forms.MultipleChoiceField(
        label=gettext_lazy("Countries"),
        choices=country_choices,
        required=False,
        widget=UnfoldAdminSelect2MultipleWidget,
    )
    regions = ListField(
        label=gettext_lazy("Regions"),
        help_text=gettext_lazy("States or provinces of the one country, for example: CA, Nevada. Empty: all of it."),
    )
    postal_codes = ListField(
        label=gettext_lazy("Postal codes"),
        help_text=gettext_lazy(
            "Beginnings and ranges in the one country, for example: 27498, 96, 80331-80999. An address in one of the "
            "regions or one of the postal codes is in the zone."
        ),
    )

    class Meta:
        model = ShippingZone
        fields = ("name", "rest_of_world", "countries", "regions", "postal_codes")
        help_texts = {
            "rest_of_world": gettext_lazy("Every address that no other zone names."),
        }

    def clean_countries(self) -> list[str]:
        return sorted(self.cleaned_data["countries"])

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        parts = [name for name in ("regions", "postal_codes") if cleaned.get(name)]
        if cleaned.get("rest_of_world"):
            for name in filter(cleaned.get, ("countries", *parts)):
                self.add_error(name, _("The rest of the world is what no zone names: leave this empty."))
        elif not cleaned.get("countries"):
            self._require("countries", _("Choose countries, or make the zone the rest of the world."))
        elif len(cleaned["countries"]) > 1:
            for name in parts:
                self.add_error(name, _("These are of one country: choose no other, or make a zone for each."))
        else:
            self._clean_parts(cleaned["countries"][0])
        if not self.errors:
            self._refuse_shared_places()
        return cleaned

    def _require(self, name: str, sentence: str) -> None:
        if name not in self.errors:
            self.add_error(name, sentence)

    def _clean_parts(self, country: str) -> None:
        self.cleaned_data["regions"] = self._each("regions", country, known_state)
        self.cleaned_data["postal_codes"] = self._each("postal_codes", country, _postal_code)

    def _each(self, name: str, country: str, read: Any) -> list[str]:
        found: list[str] = []
        for text in self.cleaned_data.get(name) or ():
            try:
                found.append(read(country, text))
            except ValueError as error:
                self.add_error(name, str(error))
        return sorted(set(found))

    def _refuse_shared_places(self) -> None:
        if transaction.get_connection().in_atomic_block:  # while saving: nobody adds another one meanwhile
            ShippingZone.objects.lock_table()
        places = ShippingZone(**{name: self.cleaned_data[name] for name in ZoneForm.Meta.fields})
        for other in ShippingZone.objects.exclude(pk=self.instance.pk).order_by("pk"):
            for name, sentence in shared_places(places, other):
                self.add_error(name, sentence)


def _postal_code(country: str, text: str) -> str:
    return postal_codes.parse(country, text).text


def shared_places(zone: ShippingZone, other: ShippingZone) -> Iterator[tuple[str, str]]:
    """Fields and sentences of what both zones name, as closely the one as the other."""
    if zone.rest_of_world and other.rest_of_world:
        sentence = _("“%(other)s” is the rest of the world already; there is one.")
        yield "rest_of_world", sentence % {"other": other}
    if countries := overlaps.shared_countries(zone, other):
        yield "countries", _in_already(list(map(country_name, countries)), other)
    if regions := overlaps.shared_regions(zone, other):
        yield "regions", _in_already(regions, other)
    pairs = overlaps.shared_postal_codes(zone, other)
    same = [one for one, two in pairs if one == two]
    if same:
        yield "postal_codes", _in_already(same, other)
    for one, two in [pair for pair in pairs if pair[0] not in same][:MAX_NAMED]:
        sentence = _("“%(one)s” has codes in common with “%(two)s” of the zone “%(other)s”.")
        yield "postal_codes", sentence % {"one": one, "two": two, "other": other}


def _in_already(names: list[str], other: ShippingZone) -> str:
    shown = ", ".join(names[:MAX_NAMED])
    if len(names) > MAX_NAMED:
        shown = _("%(names)s and %(count)d more") % {"names": shown, "count": len(names) - MAX_NAMED}
    sentence = _("Already in the zone “%(other)s”: %(names)s. Take them out of one of the two.")
    return sentence % {"names": shown, "other": other}


class RateForm(ConcurrentEditForm, MoneyForm):
    money = {"price": "currency", "free_from": "currency"}
    price = MoneyField(label=gettext_lazy("Price"))
    free_from = MoneyField(label=gettext_lazy("Free from"), required=False)
    # No default, as for a SKU: a price in the alphabet's first currency would be a mistake that nobody sees.
    currency = forms.ChoiceField(
        label=gettext_lazy("Currency"), choices=[("", "–"), *supported()], widget=UnfoldAdminSelectWidget()
    )

    weight_from = forms.IntegerField(
        label=gettext_lazy("Grams from"), min_value=0, max_value=2**31 - 1, initial=0, required=False,
        widget=UnfoldAdminIntegerFieldWidget,
    )  # fmt: skip

    class Meta:
        model = ShippingRate
        fields = (
            "name",
            "currency",
            "price",
            "free_from",
            "weight_from",
            "weight_to",
            "days_from",
            "days_to",
            "active",
        )

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        # In a row of a table only the column is titled, which no screen reader connects with the field.
        for field in self.fields.values():
            field.widget.attrs.setdefault("aria-label", field.label or "")

    def clean_weight_from(self) -> int:
        return self.cleaned_data["weight_from"] or 0

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if cleaned.get("free_from") == 0:
            self.add_error("free_from", _("Leave it empty, and write 0 as the price, if it is always free."))
        lightest, heaviest = cleaned.get("weight_from"), cleaned.get("weight_to")
        if heaviest is not None and lightest is not None and heaviest <= lightest:
            self.add_error("weight_to", _("Write more than %(grams)s g, or nothing.") % {"grams": f"{lightest:,}"})
        first, last = cleaned.get("days_from"), cleaned.get("days_to")
        if (first is None) != (last is None):
            self.add_error("days_to" if last is None else "days_from", _("Write both ends of the days, or neither."))
        elif first is not None and last is not None and last < first:
            self.add_error("days_to", _("Write at least %(days)d, or neither.") % {"days": first})
        return cleaned
