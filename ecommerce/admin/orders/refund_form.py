"""The form of a refund: an amount, or items and the shipping, or all that is left."""

from typing import Any

from django import forms
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminTextInputWidget, UnfoldBooleanWidget

from billing.money import InvalidAmount, format_money, parse_amount
from ecommerce.admin.orders.action_forms import ReasonForm
from ecommerce.models import Order, OrderItem
from ecommerce.orders.allocations import read_cells
from ecommerce.orders.errors import OrderError
from ecommerce.orders.refund import RefundQuote, RefundRequest, quote_refund
from ecommerce.orders.selectors import succeeded_payment
from ecommerce.pricing.refunds import Cells


class RefundForm(ReasonForm):
    """`left_before` is what could still be refunded when the form was shown, in the minor unit."""

    amount = forms.CharField(required=False, widget=UnfoldAdminTextInputWidget())
    left_before = forms.IntegerField(required=False, widget=forms.HiddenInput())
    quote: RefundQuote | None = None

    def __init__(self, order: Order, data: Any = None) -> None:
        super().__init__(order, data)
        self.payment = succeeded_payment(order)
        self.fields["amount"].label = _("Amount in %(currency)s") % {"currency": order.currency.upper()}
        self.items = list(order.items.order_by("pk"))
        if order.invoice:
            left = read_cells(order.invoice).left
            for item, cells in zip(self.items, left.items, strict=True):
                self.fields[f"item_{item.pk}"] = self._quantity_field(item, cells)
            if left.shipping.total:
                money = format_money(left.shipping.total, order.currency)
                self.fields["shipping"] = _checkbox(_("Shipping, %(money)s") % {"money": money})
            money = format_money(left.total, order.currency)
            self.fields["rest"] = _checkbox(_("All that is left, %(money)s") % {"money": money})
        self.order_fields([*(name for name in self.fields if name.startswith("item_")), "shipping", "amount", "rest"])

    def _quantity_field(self, item: OrderItem, left: Cells) -> forms.IntegerField:
        values = {
            "item": item.description,
            "left": left.units,
            "quantity": item.quantity,
            "money": format_money(left.total, self.order.currency),
        }
        label = _("%(item)s: how many of %(left)s left (%(quantity)s ordered, %(money)s left)") % values
        widget = UnfoldAdminIntegerFieldWidget({"min": 0, "max": left.units})
        return forms.IntegerField(label=label, min_value=0, max_value=left.units, required=False, widget=widget)

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
            "reason": self.cleaned_data["reason"],
            "left": self.cleaned_data["left_before"],
            "request": self._request(),
        }

    def refund_amount(self) -> int | None:
        """Return what would be refunded, in the minor unit; None where something was refunded meanwhile."""
        return self.quote.total if self.quote else None

    @cached_property
    def breakdown(self) -> list[tuple[str, str]]:
        """What goes back: each item, the shipping, and the taxes in them."""
        if self.quote is None:
            return []
        return [(label, format_money(amount, self.order.currency)) for label, amount in _rows(self.quote) if amount]


def _checkbox(label: str) -> forms.BooleanField:
    return forms.BooleanField(label=label, required=False, widget=UnfoldBooleanWidget())


def _rows(quote: RefundQuote) -> list[tuple[str, int]]:
    rows = []
    taxes: dict[str, int] = {}
    lines = [(line.pk, line.description) for line in quote.cells.lines]
    for (line_id, label), cells in [
        *zip(lines, quote.back.items, strict=True),
        ((None, _("Shipping")), quote.back.shipping),
    ]:
        rows.append((f"{cells.units} x {label}" if cells.units else label, cells.goods))
        for tax, amount in zip(quote.cells.taxes.get(line_id, ()), cells.taxes, strict=True):
            taxes[str(tax)] = taxes.get(str(tax), 0) + amount
    return [*rows, *taxes.items()]
