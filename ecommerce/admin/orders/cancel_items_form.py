"""The form that cancels some of what an order has not sent."""

from typing import Any

from django import forms
from django.utils.translation import gettext as _

from ecommerce.admin.orders.quoted_form import QuotedForm, quantity_field
from ecommerce.models import Order, OrderItem, Reason
from ecommerce.orders.allocations import read_cells
from ecommerce.orders.cancel_items import cancels_all, left_fingerprint, quote_cancellation
from ecommerce.orders.errors import OrderError
from ecommerce.orders.refund_quotes import RefundQuote, RefundRequest, quote_refund
from ecommerce.orders.selectors import succeeded_payment
from ecommerce.pricing.refunds import Cells


class CancelItemsForm(QuotedForm):
    """`seen_left` is what was left when the form was shown."""

    template = "cancel_items.html"
    kind = Reason.Kind.CANCEL
    seen_left = forms.CharField(required=False, widget=forms.HiddenInput())
    is_whole = False
    is_quoted = False

    def __init__(self, order: Order, data: Any = None) -> None:
        super().__init__(order, data)
        cells = read_cells(order.invoice).left.items if order.invoice else [Cells(goods=0)] * len(self.items)
        for item, left in zip(self.items, cells, strict=True):
            self._add_item(item, left)

    def _add_item(self, item: OrderItem, left: Cells) -> None:
        name = f"item_{item.pk}"
        self.fields[name] = quantity_field(item, item.left)
        units = _("%(left)s of %(quantity)s") % {"left": item.left, "quantity": item.quantity}
        self._add_row(name, units, left)

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if self.errors:
            return cleaned
        chosen = self._chosen()
        if not chosen:
            raise forms.ValidationError(_("Choose what is canceled."))
        # Where something was sent or canceled meanwhile, the act itself refuses.
        if cleaned.get("seen_left") in {"", left_fingerprint(self.items)}:
            self.is_whole = cancels_all(self.items, dict(chosen))
            try:
                self.quote = self._quote(chosen)
            except OrderError as error:
                self.add_error(None, error.message)
            self.is_quoted = True
        return cleaned

    def _quote(self, chosen: list[tuple[int, int]]) -> RefundQuote | None:
        if not self.is_whole:
            return quote_cancellation(self.order, chosen)
        payment = succeeded_payment(self.order)
        rest = payment is not None and payment.refundable
        return quote_refund(self.order, RefundRequest(rest=True)) if rest else None

    def _chosen(self) -> list[tuple[int, int]]:
        quantities = ((item.pk, self.cleaned_data.get(f"item_{item.pk}")) for item in self.items)
        return [(pk, quantity) for pk, quantity in quantities if quantity]

    @property
    def hidden_values(self) -> dict[str, Any]:
        return {"seen_left": left_fingerprint(self.items)}

    @property
    def arguments(self) -> dict[str, Any]:
        return {
            "reason": super().arguments["reason"],
            "items": self._chosen(),
            "seen_left": self.cleaned_data["seen_left"] or None,
        }

    def refund_amount(self) -> int | None:
        """Return what goes back, in the minor unit; None until items are chosen."""
        if not self.is_quoted:
            return None
        return self.quote.total if self.quote else 0
