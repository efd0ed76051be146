"""The form field of a carrier: free text, with the known ones offered."""

from typing import Any

from django import forms
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminTextInputWidget

from ecommerce.orders.parcels import MAX_NUMBER_LENGTH
from ecommerce.shipping.carriers import CARRIERS, carrier_name


class CarrierInput(UnfoldAdminTextInputWidget):  # type: ignore[misc]
    def render(self, name: str, value: Any, attrs: dict[str, Any] | None = None, renderer: Any = None) -> SafeString:
        attrs = attrs or {}
        offered = f"{attrs.get('id', name)}_offered"
        field = super().render(name, value, {**attrs, "list": offered, "autocomplete": "off"}, renderer)
        options = format_html_join("", '<option value="{}">', ((carrier.name,) for carrier in CARRIERS))
        return format_html('{}<datalist id="{}">{}</datalist>', field, offered, options)


class CarrierField(forms.CharField):
    def __init__(self, **options: Any) -> None:
        defaults = {"label": gettext_lazy("Carrier"), "max_length": MAX_NUMBER_LENGTH, "required": False}
        super().__init__(**{**defaults, "widget": CarrierInput(), **options})

    def clean(self, value: Any) -> str:
        """Write the carrier as the table has it."""
        return carrier_name(super().clean(value), ())
