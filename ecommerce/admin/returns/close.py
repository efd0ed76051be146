"""The form that closes a return: refund, shipping, fees, and what goes back before it does."""

from dataclasses import dataclass
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminRadioSelectWidget, UnfoldAdminTextInputWidget

from billing.models import RefundFee
from billing.money import InvalidAmount, format_money, parse_amount
from billing.sums import tax_label
from ecommerce.admin.returns.forms import ReturnForm, checkbox
from ecommerce.models import Return
from ecommerce.orders.errors import OrderError
from ecommerce.orders.return_quotes import Fee, ReturnQuote, quote_return

FEES = {"restocking_fee": gettext_lazy("Restocking"), "postage_fee": gettext_lazy("Return postage")}


@dataclass(frozen=True, slots=True)
class BackRow:
    """What goes back of an item or of the shipping, or a fee that is kept."""

    label: str
    money: str


class CloseForm(ReturnForm):
    """Shown with what goes back as it is filled in: at first, the price of what arrived and no fees."""

    template = "close.html"
    refund = forms.ChoiceField(
        label=gettext_lazy("Money"),
        choices=[
            ("yes", gettext_lazy("Refund what arrived")),
            ("no", gettext_lazy("No refund: a replacement was sent, or nothing is owed")),
        ],
        widget=UnfoldAdminRadioSelectWidget(),
    )
    shipping = checkbox(gettext_lazy("Refund the shipping, too"))
    restocking_fee = forms.CharField(required=False, widget=UnfoldAdminTextInputWidget({"inputmode": "decimal"}))
    postage_fee = forms.CharField(required=False, widget=UnfoldAdminTextInputWidget({"inputmode": "decimal"}))
    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        max_length=200,
        required=False,
        widget=UnfoldAdminTextInputWidget(),
        help_text=gettext_lazy("Empty: the reason of the return."),
    )
    quote: ReturnQuote | None = None

    def __init__(self, order_return: Return, data: Any = None) -> None:
        first = {"refund": "yes" if order_return.items.filter(received__gt=0).exists() else "no"}
        super().__init__(order_return, first if data is None else data)
        currency = {"currency": order_return.order.currency.upper()}
        self.fields["restocking_fee"].label = _("Restocking fee in %(currency)s") % currency
        self.fields["postage_fee"].label = _("Return postage in %(currency)s") % currency
        if order_return.is_withdrawal:
            for name in FEES:
                del self.fields[name]

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        for name in FEES:
            self._read_amount(name, cleaned)
        if not self.errors and cleaned["refund"] == "yes":
            try:
                self.quote = quote_return(self.order_return, shipping=cleaned["shipping"], fees=self.fees)
                self.amount = self.quote.refund.total if self.quote.refund else 0
            except OrderError as error:
                self.add_error(error.field if error.field in self.fields else None, error.message)
        return cleaned

    def _read_amount(self, name: str, cleaned: dict[str, Any]) -> None:
        if text := cleaned.get(name):
            try:
                cleaned[name] = parse_amount(text, self.order_return.order.currency)
            except InvalidAmount as error:
                self.add_error(name, str(error))

    @property
    def fees(self) -> list[Fee]:
        return [
            Fee(name=str(label), amount=self.cleaned_data[name])
            for name, label in FEES.items()
            if self.cleaned_data.get(name)
        ]

    @property
    def arguments(self) -> dict[str, Any]:
        refund = self.cleaned_data["refund"] == "yes"
        shipping = refund and self.cleaned_data["shipping"]
        return {
            "refund": refund,
            "shipping": shipping,
            "fees": self.fees if refund else [],
            "reason": self.cleaned_data["reason"],
        }

    @property
    def back(self) -> list[BackRow]:
        """What goes back of each item and of the shipping, and the fees that are kept."""
        quote = self.quote.refund if self.quote else None
        if quote is None:
            return []
        lines = [
            BackRow(f"{cells.units} x {line.description}", self._money(cells.total))
            for line, cells in zip(quote.cells.lines, quote.back.items, strict=True)
            if cells.units or cells.total
        ]
        if quote.back.shipping.total:
            lines.append(BackRow(_("Shipping"), self._money(quote.back.shipping.total)))
        return lines + [BackRow(self._kept(fee), self._money(-fee.amount)) for fee in quote.fees]

    def _kept(self, fee: RefundFee) -> str:
        values = {"fee": fee.name, "money": self._money(fee.tax)}
        if fee.invoice_tax and fee.tax:
            values["tax"] = tax_label(fee.invoice_tax)
            return _("%(fee)s, kept, with %(money)s of %(tax)s") % values
        return _("%(fee)s, kept") % values

    @property
    def total(self) -> str:
        return self._money(self.amount or 0)

    def _money(self, amount: int) -> str:
        return format_money(amount, self.order_return.order.currency)
