"""The forms of the New order page. They parse and look up; what may be ordered is decided by `ecommerce.orders`."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from django import forms
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from billing.money import format_money
from customers.countries import country_choices
from customers.emails import same_email
from customers.models import Address, Customer, FrozenAddress
from customers.postal_addresses import country_rules
from ecommerce.admin.new_order.discounts import parse_discount, taken_off, typed
from ecommerce.models import Sku
from ecommerce.orders.lines import LineRequest
from ecommerce.pricing.order import MAX_QUANTITY, Discount

NEW = "new"
MAX_ID = 2**63 - 1
MAX_DIGITS = 19
SUGGESTIONS = 8
_ITEM_FIELD = re.compile(r"items-([0-9]{1,4})-(?:sku|sku_id|quantity|discount)")
_LABEL = re.compile(r"<(?P<email>[^<>]+)>$|\((?P<code>[^()]+)\)$")
_QUANTITY = format_lazy(_("A quantity is a whole number from 1 to {most}."), most=MAX_QUANTITY)

QUANTITY_MESSAGES = dict.fromkeys(("required", "invalid", "min_value", "max_value"), _QUANTITY)


def row_numbers(data: Mapping[str, Any]) -> list[int]:
    return sorted({int(match[1]) for match in map(_ITEM_FIELD.fullmatch, data) if match})


def parse_label(label: str) -> str:
    """Extract the e-mail or code of "Ada Lovelace <ada@example.com>" or "Mug, Red (MUG-RED)"; else return all of it."""
    match = _LABEL.search(label)
    return (match["email"] or match["code"] if match else label).strip()


class LookupForm(forms.Form):
    """A text field that names one object, with the object's id where it was picked from the suggestions."""

    lookup_field: str
    not_found: Any
    suggestions: Iterable[Any] = ()
    selected: Any = None

    def picked_id(self) -> int | None:
        pk: int | None = self.cleaned_data.get(f"{self.lookup_field}_id")
        return pk

    def text(self) -> str:
        text: str = self.cleaned_data.get(self.lookup_field, "")
        return text

    @property
    def display_text(self) -> str:
        return str(self.selected) if self.selected else str(self.data.get(self.add_prefix(self.lookup_field), ""))

    @property
    def error_messages(self) -> list[str]:
        return [str(message) for messages in self.errors.values() for message in messages]

    def select(self, picked: Any) -> None:
        """Select what was picked, unless the text was changed after that and names another."""
        self.selected = picked if picked and self.text() in {"", str(picked)} else None
        if self.selected is None and self.text():
            self.select_by_text()
        elif self.selected is None and self.picked_id() is not None:
            self.add_error(self.lookup_field, self.not_found)

    def select_by_text(self) -> None:
        """Select the one object that the text names, or suggest several."""
        raise NotImplementedError


class CustomerForm(LookupForm):
    lookup_field = "customer"
    not_found = _("This customer does not exist any more; choose another.")
    customer_id = forms.IntegerField(
        required=False, max_value=MAX_ID, error_messages={"invalid": not_found, "max_value": not_found}
    )
    customer = forms.CharField(required=False, max_length=500)

    def look_up(self, *, required: bool) -> Customer | None:
        if not self.is_valid():
            return None
        pk = self.picked_id()
        self.select(Customer.objects.filter(pk=pk).first() if pk else None)
        if required and self.selected is None and not self.errors:
            self.add_error("customer", _("Choose a customer."))
        return self.selected  # type: ignore[no-any-return]

    def select_by_text(self) -> None:
        name = parse_label(self.text())
        found = list(Customer.objects.matching(name)[:SUGGESTIONS])
        exact = [each for each in found if same_email(each.email, name)]
        if len(exact or found) == 1:
            self.selected = (exact or found)[0]
            return
        self.suggestions = found
        sentence = _("Several customers match “{text}”; choose one.") if found else _("No customer matches “{text}”.")
        self.add_error("customer", format_lazy(sentence, text=name))


class ItemForm(LookupForm):
    lookup_field = "sku"
    not_found = _("This SKU does not exist any more; choose another.")
    sku_id = forms.IntegerField(
        required=False, max_value=MAX_ID, error_messages={"invalid": not_found, "max_value": not_found}
    )
    sku = forms.CharField(required=False, max_length=500)
    quantity = forms.IntegerField(min_value=1, max_value=MAX_QUANTITY, error_messages=QUANTITY_MESSAGES)
    discount = forms.CharField(required=False, max_length=30)
    given: Discount | None = None

    @property
    def number(self) -> str:
        return str(self.prefix).rpartition("-")[2]

    @property
    def quantity_text(self) -> str:
        return str(self.data.get(self.add_prefix("quantity"), "1"))

    @property
    def discount_text(self) -> str:
        return typed(self.data, self.add_prefix("discount"))

    @property
    def discount_kind(self) -> str:
        return typed(self.data, self.add_prefix("discount_kind"))

    def read_discount(self) -> None:
        """Read the discount in the currency of the SKU that was looked up."""
        if self.selected is None:
            return
        try:
            self.given = parse_discount(self.discount_text, self.discount_kind, self.selected.currency)
        except forms.ValidationError as error:
            self.add_error("discount", error)

    @property
    def line(self) -> LineRequest | None:
        if self.selected is None or "quantity" not in self.cleaned_data:
            return None
        return LineRequest(sku_id=self.selected.pk, quantity=self.cleaned_data["quantity"], discount=self.given)

    @property
    def price(self) -> int:
        """The price of all in the minor unit, 0 while it is not known."""
        return self.selected.price * self.line.quantity if self.line else 0

    @property
    def amount(self) -> str:
        return format_money(self.price, self.selected.currency) if self.price else ""

    @property
    def taken_off(self) -> str:
        return taken_off(self.given, self.price, self.selected.currency) if self.price else ""

    @property
    def warning(self) -> str:
        sku, quantity = self.selected, self.cleaned_data.get("quantity") or 0
        if sku and not (sku.active and sku.product.active):
            return str(_("Not on sale."))
        if sku and sku.finite and quantity > sku.inventory_quantity:
            return str(_("More than there is: {stock}.")).format(stock=sku.availability)
        return ""

    @property
    def is_blank(self) -> bool:
        has_sku = any(str(self.data.get(self.add_prefix(name), "")).strip() for name in ("sku", "sku_id"))
        return not has_sku and self.quantity_text.strip() in {"", "1"} and not self.discount_text

    def look_up(self, skus: Mapping[int, Sku], *, required: bool) -> None:
        self.is_valid()
        if "sku" in self.errors or "sku_id" in self.errors:
            return
        self.select(skus.get(self.picked_id() or 0))
        if required and self.selected is None and not self.errors:
            self.add_error("sku", _("Choose a SKU, or remove this row."))

    def select_by_text(self) -> None:
        name = parse_label(self.text())
        exact = Sku.objects.select_related("product").filter(code__iexact=name)[:2]
        found = list(exact) or list(Sku.objects.select_related("product").on_sale().matching(name)[:SUGGESTIONS])
        if len(found) == 1:
            self.selected = found[0]
            return
        self.suggestions = found
        sentence = _("Several SKUs match “{text}”; choose one.") if found else _("No SKU matches “{text}”.")
        self.add_error("sku", format_lazy(sentence, text=name))


class AddressForm(forms.ModelForm):  # type: ignore[type-arg]  # Django's own is not subscriptable
    country = forms.ChoiceField(label=_("Country"), choices=lambda: [("", "—"), *country_choices()])

    class Meta:
        model = Address
        fields = [
            *("country", "name", "company", "department", "line1", "line2"),
            *("city", "state", "postal_code", "delivery_instructions"),
        ]

    prefix = "address"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, field in self.fields.items():
            described = {"aria-describedby": f"id_address-{name}-problem"} if self.is_bound else {}
            field.widget.attrs |= {"class": "of-input", "autocomplete": "off"} | described
        rules = country_rules(str(self.data.get(self.add_prefix("country"), "")))
        for name, label in rules.labels.items() if rules else ():
            self.fields[name].label = str(label)

    def frozen(self) -> FrozenAddress:
        address: Address = self.instance
        return address.frozen()


class ExtrasForm(forms.Form):
    """Coupon, idempotency key, and the total that was shown when Submit was pressed."""

    coupon_code = forms.CharField(required=False, max_length=50)
    expected_total = forms.IntegerField(required=False, min_value=0, max_value=MAX_ID)
    expected_currency = forms.CharField(required=False, max_length=3)
    key = forms.UUIDField()


class PaymentForm(forms.Form):
    """A saved card, or Stripe's token of a new one: card numbers never reach this server."""

    card = forms.CharField(required=False, max_length=20)
    token = forms.RegexField(
        r"^(?:pm|tok)_[A-Za-z0-9_]+$",
        required=False,
        max_length=255,
        error_messages={"invalid": _("This is not a card that Stripe knows; type the card again.")},
    )
    token_label = forms.CharField(required=False, max_length=60)
    save_card = forms.BooleanField(required=False)

    @property
    def card_id(self) -> int | None:
        return parse_choice(self.cleaned_data.get("card", ""))

    @property
    def new_token(self) -> str:
        token: str = self.cleaned_data.get("token", "")
        return token if self.cleaned_data.get("card", "") in {NEW, ""} else ""


def parse_choice(text: str) -> int | None:
    """Return the id of a radio button: None for a new one, 0 (no row's id) for what is no number."""
    if text in {NEW, ""}:
        return None
    return int(text) if text.isascii() and text.isdigit() and len(text) < MAX_DIGITS else 0
