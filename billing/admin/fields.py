"""Form fields of amounts: shown and typed in the currency's unit, stored in its minor unit."""

from typing import Any, ClassVar

from django import forms
from unfold.widgets import UnfoldAdminTextInputWidget

from billing.money import InvalidAmount, UnsupportedCurrency, parse_amount, plain


class MoneyField(forms.CharField):
    """The text as typed; `MoneyForm` parses it, since the number depends on the currency beside it."""

    def __init__(self, **options: Any) -> None:
        widget = UnfoldAdminTextInputWidget(attrs={"inputmode": "decimal", "autocomplete": "off"})
        super().__init__(**{"max_length": 30, "widget": widget, **options})


class MoneyForm(forms.ModelForm):  # type: ignore[type-arg]
    """`money` maps the field of each amount to the field of its currency."""

    money: ClassVar[dict[str, str]] = {}

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        for name, currency in self.money.items():
            amount = getattr(self.instance, name)
            if amount is not None and name in self.fields:
                self.initial[name] = plain(amount, getattr(self.instance, currency))

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        for name, currency in self.money.items():
            if name in cleaned:
                self._parse(name, cleaned.get(currency) or getattr(self.instance, currency))
        return cleaned

    def _parse(self, name: str, currency: str) -> None:
        typed = self.cleaned_data.pop(name)
        if not typed:
            self.cleaned_data[name] = None
        elif currency:
            try:
                self.cleaned_data[name] = parse_amount(typed, currency)
            except (InvalidAmount, UnsupportedCurrency) as error:
                self.add_error(name, str(error))
