"""What is asked before an act is done to an order."""

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

LONGEST_REASON = 500


class ActForm(forms.Form):
    """Asks nothing. `confirmed` is the money that was named when the button was shown."""

    confirmed = forms.IntegerField(required=False, widget=forms.HiddenInput())

    def __init__(self, order: Order, data: Any = None) -> None:
        super().__init__(data)
        self.order = order

    @property
    def seen(self) -> dict[str, int]:
        """Give what the page shows of the order's money, by the hidden field that brings it back."""
        return {}

    @property
    def wanted(self) -> dict[str, Any]:
        """Give what the act is called with."""
        return {name: value for name, value in self.cleaned_data.items() if name != "confirmed"}


class FulfillForm(ActForm):
    """Asks how it is sent."""

    carrier = forms.CharField(
        label=gettext_lazy("Carrier"), max_length=100, required=False, widget=UnfoldAdminTextInputWidget()
    )
    tracking_number = forms.CharField(
        label=gettext_lazy("Tracking number"), max_length=100, required=False, widget=UnfoldAdminTextInputWidget()
    )


class ReasonForm(ActForm):
    """Asks why."""

    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        max_length=LONGEST_REASON,
        required=False,
        widget=UnfoldAdminTextareaWidget({"rows": 3}),
        help_text=gettext_lazy("Staff see it in the history of the order."),
    )


class ReturnForm(ReasonForm):
    """Asks why, and whether the items can be sold again."""

    restock = forms.BooleanField(
        label=gettext_lazy("Put the items back in stock"), required=False, initial=True, widget=UnfoldBooleanWidget()
    )


class NoteForm(ActForm):
    """Asks how it was settled."""

    note = forms.CharField(
        label=gettext_lazy("How and when it was refunded"),
        max_length=LONGEST_REASON,
        widget=UnfoldAdminTextareaWidget({"rows": 3}),
        help_text=gettext_lazy("For example: bank transfer of 23 November, reference 4711."),
    )


class RefundForm(ReasonForm):
    """Asks for an amount, or how many of which items."""

    amount = forms.CharField(label=gettext_lazy("Amount"), required=False, widget=UnfoldAdminTextInputWidget())
    left_before = forms.IntegerField(required=False, widget=forms.HiddenInput())
    field_order = ("amount",)

    def __init__(self, order: Order, data: Any = None) -> None:
        super().__init__(order, data)
        self.fields["amount"].label = _("Amount in %(currency)s") % {"currency": order.currency.upper()}
        before = returned_quantities(order)
        self.left = {item.pk: item.quantity - before.get(item.pk, 0) for item in order.items.order_by("pk")}
        self.fields |= {f"item_{item.pk}": self._quantity(item) for item in order.items.order_by("pk")}
        self.order_fields(["amount", *(f"item_{pk}" for pk in self.left), "reason"])

    def _quantity(self, item: OrderItem) -> forms.IntegerField:
        left = self.left[item.pk]
        told = {"item": item.description, "left": left, "quantity": item.quantity}
        label = _("%(item)s: how many of %(left)s left (%(quantity)s ordered)") % told
        widget = UnfoldAdminIntegerFieldWidget({"min": 0, "max": left})
        return forms.IntegerField(label=label, min_value=0, max_value=left, required=False, widget=widget)

    def clean_amount(self) -> int | None:
        """Read the amount into the minor unit."""
        text = self.cleaned_data["amount"]
        if not text:
            return None
        try:
            return parse_amount(text, self.order.currency)
        except InvalidAmount as refused:
            raise forms.ValidationError(str(refused)) from refused

    def clean(self) -> dict[str, Any]:
        """Take either an amount or items, of which some can be refunded."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if self.errors:
            return cleaned
        if (cleaned.get("amount") is None) == (not self._lines()):
            raise forms.ValidationError(_("Give either an amount, or how many of which items."))
        # Where something was refunded meanwhile, the act says that: who did it, and when.
        if cleaned.get("left_before") in {None, *self.seen.values()}:
            self._check_part()
        return cleaned

    def _check_part(self) -> None:
        try:
            check_partial_refund(self.order, self.owed())
        except OrderError as refused:
            self.add_error("amount" if refused.field == "amount" and not self._lines() else None, refused.message)

    @property
    def seen(self) -> dict[str, int]:
        """Give what can still be refunded: of two presses of the button, only the first finds it so."""
        payment = succeeded_payment(self.order)
        return {"left_before": payment.refundable} if payment else {}

    def _lines(self) -> list[tuple[int, int]]:
        chosen = ((pk, self.cleaned_data.get(f"item_{pk}")) for pk in self.left)
        return [(pk, quantity) for pk, quantity in chosen if quantity]

    @property
    def wanted(self) -> dict[str, Any]:
        """Give the reason, and either an amount or items with their quantities."""
        lines = self._lines()
        what = {"lines": lines} if lines else {"amount": self.cleaned_data["amount"]}
        return {"reason": self.cleaned_data["reason"], "left": self.cleaned_data["left_before"], **what}

    def owed(self) -> int:
        """Give what goes back, in the minor unit; raise OrderRefused where the items owe nothing that can be told."""
        lines = self._lines()
        return refund_amount_for_items(self.order, lines) if lines else int(self.cleaned_data["amount"])
