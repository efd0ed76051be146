"""The forms of the order actions' confirmation pages."""

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import (
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanWidget,
)

from billing.money import InvalidAmount, parse_amount
from ecommerce.models import Order, OrderItem
from ecommerce.orders.errors import OrderError
from ecommerce.orders.refund import check_partial_refund, refund_amount_for_items, returned_quantities
from ecommerce.orders.selectors import succeeded_payment

MAX_REASON_LENGTH = 500


class ActionForm(forms.Form):
    """`confirmed` is the amount that the button named, in the minor unit."""

    confirmed = forms.IntegerField(required=False, widget=forms.HiddenInput())

    def __init__(self, order: Order, data: Any = None) -> None:
        super().__init__(data)
        self.order = order

    @property
    def hidden_values(self) -> dict[str, int]:
        return {}

    @property
    def arguments(self) -> dict[str, Any]:
        """Keyword arguments for `OrderAction.run`."""
        return {name: value for name, value in self.cleaned_data.items() if name != "confirmed"}


class FulfillForm(ActionForm):
    carrier = forms.CharField(
        label=gettext_lazy("Carrier"), max_length=100, required=False, widget=UnfoldAdminTextInputWidget()
    )
    tracking_number = forms.CharField(
        label=gettext_lazy("Tracking number"), max_length=100, required=False, widget=UnfoldAdminTextInputWidget()
    )


class ReasonForm(ActionForm):
    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        max_length=MAX_REASON_LENGTH,
        required=False,
        widget=UnfoldAdminTextareaWidget({"rows": 3}),
        help_text=gettext_lazy("Staff see it in the history of the order."),
    )


class ReturnForm(ReasonForm):
    restock = forms.BooleanField(
        label=gettext_lazy("Put the items back in stock"), required=False, initial=True, widget=UnfoldBooleanWidget()
    )


class NoteForm(ActionForm):
    note = forms.CharField(
        label=gettext_lazy("How and when it was refunded"),
        max_length=MAX_REASON_LENGTH,
        widget=UnfoldAdminTextareaWidget({"rows": 3}),
        help_text=gettext_lazy("For example: bank transfer of 23 November, reference 4711."),
    )


class RefundForm(ReasonForm):
    """Either an amount, or quantities of items."""

    amount = forms.CharField(label=gettext_lazy("Amount"), required=False, widget=UnfoldAdminTextInputWidget())
    left_before = forms.IntegerField(required=False, widget=forms.HiddenInput())
    field_order = ("amount",)

    def __init__(self, order: Order, data: Any = None) -> None:
        super().__init__(order, data)
        self.fields["amount"].label = _("Amount in %(currency)s") % {"currency": order.currency.upper()}
        returned = returned_quantities(order)
        self.remaining = {item.pk: item.quantity - returned.get(item.pk, 0) for item in order.items.order_by("pk")}
        self.fields |= {f"item_{item.pk}": self._quantity_field(item) for item in order.items.order_by("pk")}
        self.order_fields(["amount", *(f"item_{pk}" for pk in self.remaining), "reason"])

    def _quantity_field(self, item: OrderItem) -> forms.IntegerField:
        left = self.remaining[item.pk]
        values = {"item": item.description, "left": left, "quantity": item.quantity}
        label = _("%(item)s: how many of %(left)s left (%(quantity)s ordered)") % values
        widget = UnfoldAdminIntegerFieldWidget({"min": 0, "max": left})
        return forms.IntegerField(label=label, min_value=0, max_value=left, required=False, widget=widget)

    def clean_amount(self) -> int | None:
        text = self.cleaned_data["amount"]
        if not text:
            return None
        try:
            return parse_amount(text, self.order.currency)
        except InvalidAmount as error:
            raise forms.ValidationError(str(error)) from error

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if self.errors:
            return cleaned
        if (cleaned.get("amount") is None) == (not self._selected_lines()):
            raise forms.ValidationError(_("Give either an amount, or how many of which items."))
        # Where something was refunded meanwhile, `refund` itself refuses, and says who did it and when.
        if cleaned.get("left_before") in {None, *self.hidden_values.values()}:
            self._check_amount()
        return cleaned

    def _check_amount(self) -> None:
        try:
            check_partial_refund(self.order, self.refund_amount())
        except OrderError as error:
            self.add_error("amount" if error.field == "amount" and not self._selected_lines() else None, error.message)

    @property
    def hidden_values(self) -> dict[str, int]:
        # Of two presses of the button, only the first finds this amount still refundable.
        payment = succeeded_payment(self.order)
        return {"left_before": payment.refundable} if payment else {}

    def _selected_lines(self) -> list[tuple[int, int]]:
        quantities = ((pk, self.cleaned_data.get(f"item_{pk}")) for pk in self.remaining)
        return [(pk, quantity) for pk, quantity in quantities if quantity]

    @property
    def arguments(self) -> dict[str, Any]:
        lines = self._selected_lines()
        scope = {"lines": lines} if lines else {"amount": self.cleaned_data["amount"]}
        return {"reason": self.cleaned_data["reason"], "left": self.cleaned_data["left_before"], **scope}

    def refund_amount(self) -> int:
        """Return the minor unit; raise OrderError where the items' share cannot be told."""
        lines = self._selected_lines()
        return refund_amount_for_items(self.order, lines) if lines else int(self.cleaned_data["amount"])
