"""The form of a refund: an amount, or items and the shipping, or all that is left."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from django import forms
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminTextInputWidget, UnfoldBooleanWidget

from billing.documents import tax_label
from billing.money import InvalidAmount, format_money, parse_amount
from ecommerce.admin.orders.action_forms import ReasonForm, joined_reason
from ecommerce.models import Order, OrderItem, Reason
from ecommerce.orders.allocations import read_cells
from ecommerce.orders.errors import OrderError
from ecommerce.orders.refund_quotes import RefundQuote, RefundRequest, quote_refund
from ecommerce.orders.selectors import succeeded_payment
from ecommerce.pricing.refunds import Cells, OrderCells


@dataclass(frozen=True, slots=True)
class RefundRow:
    """An item of the order, or its shipping: what is left of it, and the field that says how much goes back."""

    label: str
    left: str
    money: str
    field: forms.BoundField


@dataclass(frozen=True, slots=True)
class BackRow:
    """What would go back of an item or of the shipping; `tax` is empty for an order without taxes."""

    label: str
    net: str
    tax: str
    total: str


class RefundForm(ReasonForm):
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
    quote: RefundQuote | None = None

    def __init__(self, order: Order, data: Any = None) -> None:
        super().__init__(order, data)
        self.payment = succeeded_payment(order)
        self.fields["amount"].label = _("Amount in %(currency)s") % {"currency": order.currency.upper()}
        self.items = list(order.items.order_by("pk"))
        self.rows: list[RefundRow] = []
        if order.invoice:
            self._add_fields(read_cells(order.invoice).left)

    def _add_fields(self, left: OrderCells) -> None:
        for item, cells in zip(self.items, left.items, strict=True):
            self.fields[f"item_{item.pk}"] = _quantity_field(item, cells)
            units = _("%(left)s of %(quantity)s") % {"left": cells.units, "quantity": item.quantity}
            self._add_row(f"item_{item.pk}", units, cells)
        if left.shipping.total:
            self.fields["shipping"] = _checkbox(self._shipping_label())
            self._add_row("shipping", "", left.shipping)
        label = _("All that is left, %(money)s") % {"money": self._money(left.total)}
        self.fields["rest"] = _checkbox(label)

    def _add_row(self, name: str, units: str, cells: Cells) -> None:
        self.rows.append(RefundRow(str(self.fields[name].label), units, self._money(cells.total), self[name]))

    def _shipping_label(self) -> str:
        name = self.order.shipping_name
        return _("Shipping (%(name)s)") % {"name": name} if name else _("Shipping")

    def _money(self, amount: int) -> str:
        return format_money(amount, self.order.currency)

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

    def refund_amount(self) -> int | None:
        """Return what would be refunded, in the minor unit; None where something was refunded meanwhile."""
        return self.quote.total if self.quote else None

    @cached_property
    def back(self) -> list[BackRow]:
        """What would go back of each item and of the shipping."""
        if self.quote is None:
            return []
        parts: list[tuple[str, Cells]] = [
            (f"{cells.units} x {line.description}" if cells.units else line.description, cells)
            for line, cells in zip(self.quote.cells.lines, self.quote.back.items, strict=True)
        ]
        parts.append((self._shipping_label(), self.quote.back.shipping))
        return [
            BackRow(label, self._money(cells.goods), self._money(sum(cells.taxes)), self._money(cells.total))
            for label, cells in parts
            if cells.total or cells.units
        ]

    @cached_property
    def taxes_back(self) -> list[tuple[str, str]]:
        """What would go back of each tax."""
        if self.quote is None:
            return []
        amounts = Counter[str]()
        line_ids: list[int | None] = [line.pk for line in self.quote.cells.lines]
        for line_id, cells in zip([*line_ids, None], [*self.quote.back.items, self.quote.back.shipping], strict=True):
            for tax, amount in zip(self.quote.cells.taxes.get(line_id, ()), cells.taxes, strict=True):
                amounts[tax_label(tax)] += amount
        return [(label, self._money(amount)) for label, amount in amounts.items() if amount]


def _quantity_field(item: OrderItem, left: Cells) -> forms.IntegerField:
    attributes = {"min": 0, "max": left.units, "inputmode": "numeric", "aria-label": item.description}
    return forms.IntegerField(
        label=item.description,
        min_value=0,
        max_value=left.units,
        required=False,
        disabled=not left.units,
        error_messages={"max_value": _("At most %(limit_value)s can go back.")},
        widget=UnfoldAdminIntegerFieldWidget(attributes),
    )


def _checkbox(label: str) -> forms.BooleanField:
    return forms.BooleanField(label=label, required=False, widget=UnfoldBooleanWidget())
