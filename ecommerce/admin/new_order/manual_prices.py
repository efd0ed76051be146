"""What staff set by hand on the New order page: custom lines, a discount on the whole, another price of shipping."""

import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from billing.money import format_money, supported
from ecommerce.admin.new_order.discounts import parse_discount, parse_price, typed
from ecommerce.admin.new_order.forms import QUANTITY_MESSAGES
from ecommerce.models import Sku, TaxCategory
from ecommerce.orders.lines import CustomLine, LineRequest
from ecommerce.orders.manual_prices import MAX_DESCRIPTION, MAX_REASON, PriceRights
from ecommerce.pricing.order import MAX_QUANTITY, Discount

FALLBACK_CURRENCY = "usd"
_CUSTOM_FIELD = re.compile(r"custom-([0-9]{1,4})-(?:description|quantity|price|tax_category|shippable)")


def custom_numbers(data: Mapping[str, Any]) -> list[int]:
    return sorted({int(match[1]) for match in map(_CUSTOM_FIELD.fullmatch, data) if match})


class CustomLineForm(forms.Form):
    description = forms.CharField(
        max_length=MAX_DESCRIPTION,
        error_messages={"required": gettext_lazy("Say what the line is, or remove it.")},
    )
    quantity = forms.IntegerField(min_value=1, max_value=MAX_QUANTITY, error_messages=QUANTITY_MESSAGES)
    price = forms.CharField(max_length=30, required=False)
    tax_category = forms.ChoiceField(choices=TaxCategory.choices, initial=TaxCategory.STANDARD)
    shippable = forms.BooleanField(required=False)

    def __init__(self, data: Any, *, number: int, currency: str, submitted: bool) -> None:
        super().__init__(data, prefix=f"custom-{number}")
        self.number, self.currency, self.submitted = str(number), currency, submitted

    def clean_price(self) -> int:
        return parse_price(self.cleaned_data["price"], self.currency)

    @property
    def quantity_text(self) -> str:
        return str(self.data.get(self.add_prefix("quantity"), "1"))

    @property
    def is_blank(self) -> bool:
        """Whether it counts for nothing: it is empty, or still being written."""
        filled = [bool(typed(self.data, self.add_prefix(name))) for name in ("description", "price")]
        return not (any(filled) if self.submitted else all(filled))

    @property
    def is_shippable(self) -> bool:
        return bool(self.data.get(self.add_prefix("shippable")))

    @property
    def line(self) -> LineRequest | None:
        if not self.is_valid():
            return None
        fields = {name: self.cleaned_data[name] for name in ("description", "tax_category", "shippable")}
        custom = CustomLine(unit_price=self.cleaned_data["price"], currency=self.currency, **fields)
        return LineRequest(custom=custom, quantity=self.cleaned_data["quantity"])

    @property
    def amount(self) -> str:
        line = None if self.is_blank else self.line
        return format_money(line.custom.unit_price * line.quantity, self.currency) if line and line.custom else ""

    @property
    def error_messages(self) -> list[str]:
        return [] if self.is_blank else [str(each) for messages in self.errors.values() for each in messages]


class ManualPrices:
    """`currency` is that of the chosen SKUs, empty where none is chosen: then it is one of the custom lines' own."""

    def __init__(self, data: Any, *, rights: PriceRights, currency: str, submitted: bool) -> None:
        self.data, self.rights, self.submitted = data, rights, submitted
        self.sku_currency = currency
        self.errors: dict[str, str] = {}
        may = rights.discount
        self.rows = [
            CustomLineForm(data, number=number, currency=self.currency, submitted=submitted)
            for number in custom_numbers(data)
            if may
        ]
        self.discount = self._discount() if rights.may_discount else None
        self.shipping_price = self._shipping_price() if rights.shipping else None
        self.reason = typed(data, "discount_reason") if rights.may_discount else ""

    @cached_property
    def currency(self) -> str:
        if self.sku_currency:
            return self.sku_currency
        wanted = typed(self.data, "currency")
        if wanted in dict(supported()):
            return wanted
        newest = Sku.objects.on_sale().order_by("-pk").values_list("currency", flat=True).first()
        return newest or FALLBACK_CURRENCY

    @property
    def currencies(self) -> list[tuple[str, str]]:
        return supported()

    @property
    def tax_categories(self) -> list[tuple[str, Any]]:
        return list(TaxCategory.choices)

    @property
    def filled_rows(self) -> list[CustomLineForm]:
        return [row for row in self.rows if not row.is_blank]

    @property
    def lines(self) -> list[LineRequest]:
        return [row.line for row in self.filled_rows if row.line]

    @property
    def is_shippable(self) -> bool:
        return any(row.is_shippable for row in self.filled_rows)

    def _discount(self) -> Discount | None:
        try:
            return parse_discount(typed(self.data, "discount"), typed(self.data, "discount_kind"), self.currency)
        except ValidationError as error:
            self.errors["discount"] = error.messages[0]
            return None

    def _shipping_price(self) -> int | None:
        text = typed(self.data, "shipping_price")
        try:
            return parse_price(text, self.currency) if text else None
        except ValidationError as error:
            self.errors["shipping_price"] = error.messages[0]
            return None

    def check_reason(self, *, has_discount: bool) -> None:
        """Say that a discount needs a reason, once Submit was pressed."""
        if self.submitted and has_discount and not self.reason:
            self.errors["discount_reason"] = _("Say why the discount is given.")
        elif len(self.reason) > MAX_REASON:
            sentence = _("The reason of a discount has at most {most} characters.").format(most=MAX_REASON)
            self.errors["discount_reason"] = sentence

    @property
    def refused(self) -> list[str]:
        """Say what was sent though the user may not set it, which happens where a right was withdrawn meanwhile."""
        names = [*self.data]
        rows = any(typed(self.data, name) for name in names if re.fullmatch(r"items-[0-9]+-discount", name))
        sentences = []
        if not self.rights.may_discount and (rows or typed(self.data, "discount")):
            sentences.append(_("You may not give discounts by hand."))
        if not self.rights.discount and custom_numbers(self.data):
            sentences.append(_("You may not add custom lines."))
        if not self.rights.shipping and typed(self.data, "shipping_price"):
            sentences.append(_("You may not change the price of shipping."))
        return sentences

    @property
    def is_open(self) -> bool:
        """Whether the section is shown open: something in it is filled in, or asked for."""
        names = [name for name in self.data if re.fullmatch(r"items-[0-9]+-discount", name)]
        asked = bool(self.rows) or any(typed(self.data, name) for name in (*names, "discount", "discount_reason"))
        return asked or any(name in self.errors for name in ("discount", "discount_reason"))

    @property
    def ceiling(self) -> str:
        """The most that may be taken off, in percent; empty for no ceiling."""
        ceiling = self.rights.ceiling
        return "" if ceiling is None else f"{ceiling.normalize():f}"

    def iter_errors(self) -> Iterator[tuple[str, str]]:
        for row in self.filled_rows:
            for name, messages in row.errors.items():
                yield from ((f"id_{row.prefix}-{name}", str(message)) for message in messages)
        yield from ((f"id_{name}", message) for name, message in self.errors.items())
