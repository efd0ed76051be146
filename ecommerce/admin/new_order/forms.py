"""The forms of the New order page: what was typed, made into numbers and rows. What may be ordered, the acts know."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from django import forms
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from billing.money import format_money
from customers.countries import country_choices
from customers.models import Address, Customer, FrozenAddress
from ecommerce.models import Sku
from ecommerce.pricing import MAX_QUANTITY

NEW = "new"
BIGGEST_ID = 2**63 - 1
SUGGESTIONS = 8
_NUMBERED = re.compile(r"items-([0-9]{1,4})-(?:sku|sku_id|quantity)")
_LABEL = re.compile(r"<(?P<email>[^<>]+)>$|\((?P<code>[^()]+)\)$")
_QUANTITY = format_lazy(_("A quantity is a whole number from 1 to {most}."), most=MAX_QUANTITY)


def row_numbers(data: Mapping[str, Any]) -> list[int]:
    """Give the numbers of the item rows that were sent, in their order."""
    return sorted({int(match[1]) for match in map(_NUMBERED.fullmatch, data) if match})


def named_in(label: str) -> str:
    """Give the e-mail or the code out of "Ada Lovelace <ada@example.com>" or "Mug, Red (MUG-RED)", else all of it."""
    match = _LABEL.search(label)
    return (match["email"] or match["code"] if match else label).strip()


class Picker(forms.Form):
    """A text that names one row of a table, and the row's id where it was picked from a list."""

    target: str
    unknown: Any
    suggestions: Iterable[Any] = ()
    chosen: Any = None

    def identity(self) -> int | None:
        """Give the id that was picked."""
        found: int | None = self.cleaned_data.get(f"{self.target}_id")
        return found

    def typed(self) -> str:
        """Give the text as it was typed."""
        text: str = self.cleaned_data.get(self.target, "")
        return text

    @property
    def shown(self) -> str:
        """Give what the text field shows: the chosen row's name, or what was typed."""
        return str(self.chosen) if self.chosen else str(self.data.get(self.add_prefix(self.target), ""))

    @property
    def problems(self) -> list[str]:
        """Give the sentences of everything that is wrong here."""
        return [str(sentence) for sentences in self.errors.values() for sentence in sentences]

    def settle(self, found: Any) -> None:
        """Keep what was picked, unless the text was changed after that and names another."""
        self.chosen = found if found and self.typed() in {"", str(found)} else None
        if self.chosen is None and self.typed():
            self.by_text()
        elif self.chosen is None and self.identity() is not None:
            self.add_error(self.target, self.unknown)

    def by_text(self) -> None:
        """Choose the one row that the text names, or suggest those it may mean."""
        raise NotImplementedError


class CustomerPicker(Picker):
    """Who orders."""

    target = "customer"
    unknown = _("This customer does not exist any more; choose another.")
    customer_id = forms.IntegerField(
        required=False, max_value=BIGGEST_ID, error_messages={"invalid": unknown, "max_value": unknown}
    )
    customer = forms.CharField(required=False, max_length=500)

    def choose(self, *, needed: bool) -> Customer | None:
        """Find the customer; where one is needed, say so if none is named."""
        if not self.is_valid():
            return None
        picked = self.identity()
        found = Customer.objects.filter(pk=picked).first() if picked else None
        self.settle(found)
        if needed and self.chosen is None and not self.errors:
            self.add_error("customer", _("Choose a customer."))
        return self.chosen  # type: ignore[no-any-return]

    def by_text(self) -> None:
        """Take the one of this very e-mail, or the only one that begins so."""
        name = named_in(self.typed())
        found = list(Customer.objects.matching(name)[:SUGGESTIONS])
        exact = [each for each in found if each.email.lower() == name.lower()]
        if len(exact or found) == 1:
            self.chosen = (exact or found)[0]
            return
        self.suggestions = found
        sentence = _("Several customers match “{text}”; choose one.") if found else _("No customer matches “{text}”.")
        self.add_error("customer", format_lazy(sentence, text=name))


class ItemRow(Picker):
    """One SKU and how many of it."""

    target = "sku"
    unknown = _("This SKU does not exist any more; choose another.")
    sku_id = forms.IntegerField(
        required=False, max_value=BIGGEST_ID, error_messages={"invalid": unknown, "max_value": unknown}
    )
    sku = forms.CharField(required=False, max_length=500)
    quantity = forms.IntegerField(
        min_value=1,
        max_value=MAX_QUANTITY,
        error_messages=dict.fromkeys(("required", "invalid", "min_value", "max_value"), _QUANTITY),
    )

    @property
    def number(self) -> str:
        """Give the row's place in the form."""
        return str(self.prefix).rpartition("-")[2]

    @property
    def amount_typed(self) -> str:
        """Give the quantity as it was typed."""
        return str(self.data.get(self.add_prefix("quantity"), "1"))

    @property
    def amount(self) -> str:
        """Give what the row comes to, as people read it; empty while that is not known."""
        quantity = self.cleaned_data.get("quantity") if self.is_valid() else None
        return format_money(self.chosen.price * quantity, self.chosen.currency) if self.chosen and quantity else ""

    @property
    def warning(self) -> str:
        """Say why this row can't be ordered as it is; the act that places the order has the last word."""
        sku, quantity = self.chosen, self.cleaned_data.get("quantity") or 0
        if sku and not (sku.active and sku.product.active):
            return str(_("Not on sale."))
        if sku and sku.finite and quantity > sku.inventory_quantity:
            return str(_("More than there is: {stock}.")).format(stock=sku.availability)
        return ""

    @property
    def untouched(self) -> bool:
        """Tell whether it is a row that nobody has written anything into yet."""
        named = any(str(self.data.get(self.add_prefix(name), "")).strip() for name in ("sku", "sku_id"))
        return not named and self.amount_typed.strip() in {"", "1"}

    def choose(self, known: Mapping[int, Sku], *, needed: bool) -> None:
        """Find the SKU; where one is needed, say so if none is named."""
        self.is_valid()
        if "sku" in self.errors or "sku_id" in self.errors:
            return
        self.settle(known.get(self.identity() or 0))
        if needed and self.chosen is None and not self.errors:
            self.add_error("sku", _("Choose a SKU, or remove this row."))

    def by_text(self) -> None:
        """Take the one of this very code, or the only one on sale whose code or name has these words."""
        name = named_in(self.typed())
        exact = Sku.objects.select_related("product").filter(code__iexact=name)[:2]
        found = list(exact) or list(Sku.objects.select_related("product").on_sale().matching(name)[:SUGGESTIONS])
        if len(found) == 1:
            self.chosen = found[0]
            return
        self.suggestions = found
        sentence = _("Several SKUs match “{text}”; choose one.") if found else _("No SKU matches “{text}”.")
        self.add_error("sku", format_lazy(sentence, text=name))


class AddressForm(forms.ModelForm):  # type: ignore[type-arg]  # Django's own is not subscriptable
    """An address typed by hand; checked only where one is needed."""

    country = forms.ChoiceField(label=_("Country"), choices=lambda: [("", "—"), *country_choices()])

    class Meta:
        model = Address
        fields = ["name", "line1", "line2", "city", "state", "postal_code", "country"]

    prefix = "address"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, field in self.fields.items():
            told = {"aria-describedby": f"id_address-{name}-problem"} if self.is_bound else {}
            field.widget.attrs |= {"class": "of-input", "autocomplete": "off"} | told

    def frozen(self) -> FrozenAddress:
        """Give the address as the order keeps it."""
        typed: Address = self.instance
        return typed.frozen()


class ExtrasForm(forms.Form):
    """Coupon, choice of address, and the total that was shown when Submit was pressed."""

    coupon_code = forms.CharField(required=False, max_length=50)
    address = forms.CharField(required=False, max_length=20)
    expected_total = forms.IntegerField(required=False, min_value=0, max_value=BIGGEST_ID)
    expected_currency = forms.CharField(required=False, max_length=3)
    key = forms.UUIDField()


class PaymentForm(forms.Form):
    """A saved card, or the name that Stripe gave to a new one; the number of a card never comes here."""

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
        """Give the saved card that was chosen; what is no number is nobody's card."""
        return identity(self.cleaned_data.get("card", ""))

    @property
    def new_token(self) -> str:
        """Give Stripe's name of the new card, if a new one was chosen."""
        token: str = self.cleaned_data.get("token", "")
        return token if self.cleaned_data.get("card", "") in {NEW, ""} else ""


def identity(text: str) -> int | None:
    """Read the choice of a radio button: none for a new one, 0 (nobody's) for what is no number."""
    if text in {NEW, ""}:
        return None
    return int(text) if text.isascii() and text.isdigit() else 0
