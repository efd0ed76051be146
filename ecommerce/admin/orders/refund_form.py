"""The form of a refund: an amount, or items and the shipping, or all that is left."""

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminTextInputWidget, UnfoldBooleanWidget

from billing.money import InvalidAmount, parse_amount
from ecommerce.admin.orders.action_forms import joined_reason
from ecommerce.admin.orders.quoted_form import QuotedForm, quantity_field
from ecommerce.models import Order, Reason
from ecommerce.orders.allocations import read_cells
from ecommerce.orders.errors import OrderError
from ecommerce.orders.refund_quotes import RefundRequest, quote_refund
from ecommerce.orders.selectors import succeeded_payment
from ecommerce.pricing.refunds import OrderCells


class RefundForm(QuotedForm):
    """`left_before` is what could still be refunded when the form was shown, in the minor unit."""

    template = "refund.html"
    kind = Reason.Kind.REFUND
    amount = forms.CharField(
        required=False,
        widget=UnfoldAdminTextInputWidget({"inputmode": "decimal", "autocomplete": "off"}),
        help_text=gettext_lazy(
            "Taken off what is left of the items, in proportion and each with its tax; off the shipping once nothing "
            "is left of them. No units are taken."
        ),
    )
    left_before = forms.IntegerField(required=False, widget=forms.HiddenInput())

    def __init__(self, order: Order, data: Any = None) -> None:
        super().__init__(order, data)
        self.payment = succeeded_payment(order)
        self.fields["amount"].label = _("Amount in %(currency)s") % {"currency": order.currency.upper()}
        if order.invoice:
            self._add_fields(read_cells(order.invoice).left)

    def _add_fields(self, left: OrderCells) -> None:
        for item, cells in zip(self.items, left.items, strict=True):
            self.fields[f"item_{item.pk}"] = quantity_field(item, cells.units)
            units = _("%(left)s of %(quantity)s") % {"left": cells.units, "quantity": item.quantity}
            self._add_row(f"item_{item.pk}", units, cells)
        if left.shipping.total:
            self.fields["shipping"] = _checkbox(self._shipping_label())
            self._add_row("shipping", "", left.shipping)
        label = _("All that is left, %(money)s") % {"money": self._money(left.total)}
        self.fields["rest"] = _checkbox(label)

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
        request = self._request()
        chosen = [request.amount is not None, bool(request.lines or request.shipping), request.rest]
        if sum(chosen) != 1:
            raise forms.ValidationError(_("Choose items or the shipping, or give an amount, or take all that is left."))
        # Where something was refunded meanwhile, `refund` itself refuses, and says who did it and when.
        if cleaned.get("left_before") in {None, *self.hidden_values.values()}:
            try:
                self.quote = quote_refund(self.order, request)
            except OrderError as error:
                self.add_error(
                    "amount" if error.field == "amount" and request.amount is not None else None, error.message
                )
        return cleaned

    def _request(self) -> RefundRequest:
        quantities = ((item.pk, self.cleaned_data.get(f"item_{item.pk}")) for item in self.items)
        return RefundRequest(
            amount=self.cleaned_data.get("amount"),
            lines=[(pk, quantity) for pk, quantity in quantities if quantity],
            shipping=bool(self.cleaned_data.get("shipping")),
            rest=bool(self.cleaned_data.get("rest")),
        )

    @property
    def hidden_values(self) -> dict[str, int]:
        # Of two presses of the button, only the first finds this amount still refundable.
        return {"left_before": self.payment.refundable} if self.payment else {}

    @property
    def arguments(self) -> dict[str, Any]:
        return {
            "reason": joined_reason(self.cleaned_data.get("chosen_reason", ""), self.cleaned_data["reason"]),
            "left": self.cleaned_data["left_before"],
            "request": self._request(),
        }


def _checkbox(label: str) -> forms.BooleanField:
    return forms.BooleanField(label=label, required=False, widget=UnfoldBooleanWidget())
