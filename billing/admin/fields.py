"""Amounts in forms: typed and shown in the currency's unit, kept in its minor unit."""

from typing import Any, ClassVar

from django import forms
from unfold.widgets import UnfoldAdminTextInputWidget

from billing.money import InvalidAmount, UnsupportedCurrency, parse_amount, plain


class MoneyField(forms.CharField):
    """An amount as a person types it. Which number it is depends on the currency beside it: `MoneyForm` reads both."""

    def __init__(self, **options: Any) -> None:
        widget = UnfoldAdminTextInputWidget(attrs={"inputmode": "decimal", "autocomplete": "off"})
        super().__init__(**{"max_length": 30, "widget": widget, **options})


class MoneyForm(forms.ModelForm):  # type: ignore[type-arg]
    """A model's form with amounts: `money` names each one's field, and the field of its currency."""

    money: ClassVar[dict[str, str]] = {}

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        for name, currency in self.money.items():
            amount = getattr(self.instance, name)
            if amount is not None and name in self.fields:
                self.initial[name] = plain(amount, getattr(self.instance, currency))

    def clean(self) -> dict[str, Any]:
        """Turn what was typed into the minor unit."""
        cleaned = super().clean() or self.cleaned_data
        for name, currency in self.money.items():
            if name in cleaned:
                self._read(name, cleaned.get(currency) or getattr(self.instance, currency))
        return cleaned

    def _read(self, name: str, currency: str) -> None:
        typed = self.cleaned_data.pop(name)
        if not typed:
            self.cleaned_data[name] = None
        elif currency:
            try:
                self.cleaned_data[name] = parse_amount(typed, currency)
            except (InvalidAmount, UnsupportedCurrency) as refusal:
                self.add_error(name, str(refusal))
