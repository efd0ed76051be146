"""What the forms of refunds and of cancellations of items share: quantities, and what would go back."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from django import forms
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from unfold.widgets import UnfoldAdminIntegerFieldWidget

from billing.money import format_money
from billing.sums import tax_label
from ecommerce.admin.orders.action_forms import ReasonForm
from ecommerce.models import Order, OrderItem
from ecommerce.orders.refund_quotes import RefundQuote
from ecommerce.pricing.refunds import Cells


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


class QuotedForm(ReasonForm):
    """A form whose confirmation shows what its quote gives back, item by item."""

    quote: RefundQuote | None = None

    def __init__(self, order: Order, data: Any = None) -> None:
        super().__init__(order, data)
        self.items = list(order.items.order_by("pk"))
        self.rows: list[RefundRow] = []

    def _add_row(self, name: str, units: str, cells: Cells) -> None:
        self.rows.append(RefundRow(str(self.fields[name].label), units, self._money(cells.total), self[name]))

    def _shipping_label(self) -> str:
        name = self.order.shipping_name
        return _("Shipping (%(name)s)") % {"name": name} if name else _("Shipping")

    def _money(self, amount: int) -> str:
        return format_money(amount, self.order.currency)

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


def quantity_field(item: OrderItem, left: int) -> forms.IntegerField:
    attributes = {"min": 0, "max": left, "inputmode": "numeric", "aria-label": item.description}
    return forms.IntegerField(
        label=item.description,
        min_value=0,
        max_value=left,
        required=False,
        disabled=not left,
        error_messages={"max_value": _("At most %(limit_value)s can go back.")},
        widget=UnfoldAdminIntegerFieldWidget(attributes),
    )
