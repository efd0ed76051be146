"""The form that corrects the address of a placed order: the fields and checks of the New order page."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminTextInputWidget

from ecommerce.admin.new_order.forms import AddressForm
from ecommerce.admin.orders.action_forms import ActionForm
from ecommerce.models import Order


class CorrectAddressForm(ActionForm):
    template = "address.html"
    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        max_length=200,
        required=False,
        widget=UnfoldAdminTextInputWidget(),
        help_text=gettext_lazy("Kept in the history of the order. May be left empty."),
    )

    def __init__(self, order: Order, data: Any = None) -> None:
        super().__init__(order, data)
        self.address = AddressForm(data, initial=order.shipping_address)

    def is_valid(self) -> bool:
        return all([super().is_valid(), self.address.is_valid()])

    @property
    def arguments(self) -> dict[str, Any]:
        return {"address": self.address.frozen(), "reason": self.cleaned_data["reason"]}
