"""A New order page as it was sent: its forms, the rows they name, what it would cost now, and what is wrong with it."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from functools import cached_property
from uuid import uuid4

from django.http import QueryDict
from django.utils.translation import gettext as _

from billing.money import format_money
from customers.models import Customer
from ecommerce.admin.new_order.choices import Choice, addresses, cards, checked
from ecommerce.admin.new_order.forms import (
    NEW,
    AddressForm,
    CustomerPicker,
    ExtrasForm,
    ItemRow,
    PaymentForm,
    identity,
    row_numbers,
)
from ecommerce.models import Order, Sku
from ecommerce.orders.errors import OrderError
from ecommerce.orders.place import NewOrder
from ecommerce.orders.quotes import LineRequest, Quote, quote

# Where on the page a refusal is said: the part of the form, and the element that its link leads to.
PARTS = {"items": "items", "coupon_code": "coupon", "address_id": "address", "source_id": "payment",
         "gateway_token": "payment"}  # fmt: skip
ANCHORS = {"items": "items", "coupon": "id_coupon_code", "address": "delivery", "payment": "payment",
           "summary": "summary"}  # fmt: skip


def edited(data: QueryDict) -> QueryDict:
    """Give what was sent, with the row added, removed or picked that a button asked for."""
    data = data.copy()
    removed = data.get("_remove", "")
    for name in [name for name in data if removed and name.startswith(f"items-{removed}-")]:
        del data[name]
    row, _dash, picked = data.get("_pick_sku", "").partition("-")
    if picked:
        data[f"items-{row}-sku_id"], data[f"items-{row}-sku"] = picked, ""
    if data.get("_pick_customer"):
        data["customer_id"], data["customer"] = data.get("_pick_customer", ""), ""
    numbers = row_numbers(data)
    if "_add" in data or not numbers:
        data[f"items-{max(numbers, default=-1) + 1}-quantity"] = "1"
    return data


class Draft:
    """An order that is being written. `strict` says that Submit was pressed: what is missing is then an error."""

    def __init__(self, data: QueryDict, *, at: datetime, strict: bool = False) -> None:
        self.data, self.at, self.strict = data, at, strict
        self.refused: dict[str, list[str]] = defaultdict(list)
        self.picker = CustomerPicker(data)
        self.customer: Customer | None = self.picker.choose(needed=strict)
        self.rows = [ItemRow(data, prefix=f"items-{number}") for number in row_numbers(data)]
        self.extras, self.payment = ExtrasForm(data), PaymentForm(data)
        self.extras.is_valid()
        self.payment.is_valid()
        self.key = str(self.extras.cleaned_data.get("key") or uuid4())
        if strict and "key" in self.extras.errors:
            self.refused["form"].append(
                _(
                    "This page's key, by which the same order is never made twice, is missing or unreadable; nothing "
                    "was ordered. Look whether the orders list has it already, else submit again."
                )
            )
        self._choose_skus()
        self.quote = self._priced()
        self.address_form = self._address_form()
        if strict and not self.errors:
            self._compare_total()

    def _choose_skus(self) -> None:
        # Also of rows whose quantity makes no sense: a SKU that exists is not said to be gone.
        picked = [row.identity() for row in self.written if row.is_valid() or "sku_id" in row.cleaned_data]
        known = Sku.objects.select_related("product").in_bulk([sku_id for sku_id in picked if sku_id])
        for row in self.written:
            row.choose(known, needed=self.strict)

    @cached_property
    def written(self) -> list[ItemRow]:
        """Give the rows that somebody has written something into."""
        return [row for row in self.rows if not row.untouched]

    @cached_property
    def wanted(self) -> tuple[LineRequest, ...]:
        """Give each SKU once, with its rows' quantities added up."""
        counts: dict[int, int] = {}
        for row in self.written:
            if row.chosen and "quantity" in row.cleaned_data:
                counts[row.chosen.pk] = counts.get(row.chosen.pk, 0) + row.cleaned_data["quantity"]
        return tuple(LineRequest(sku_id=sku_id, quantity=quantity) for sku_id, quantity in counts.items())

    @property
    def coupon_code(self) -> str:
        """Give the coupon's code as it was typed."""
        return str(self.extras.cleaned_data.get("coupon_code", ""))

    def _priced(self) -> Quote | None:
        if any(row.errors for row in self.written) or not (self.wanted or self.strict):
            return None
        try:
            return quote(items=self.wanted, coupon_code=self.coupon_code, at=self.at)
        except OrderError as refusal:
            self.refuse(refusal)
            return self._priced_without_coupon() if refusal.field == "coupon_code" else None

    def _priced_without_coupon(self) -> Quote | None:
        try:
            return quote(items=self.wanted, at=self.at)
        except OrderError as refusal:
            self.refuse(refusal)
            return None

    def refuse(self, refusal: OrderError) -> None:
        """Keep a refusal where on the page it belongs."""
        part = "summary" if refusal.code == "price_changed" else PARTS.get(refusal.field, "form")
        if refusal.message not in self.refused[part]:
            self.refused[part].append(refusal.message)

    def _address_form(self) -> AddressForm:
        if self.strict and self.shippable and self.data.get("address") == NEW:
            form = AddressForm(self.data)
            form.is_valid()
            return form
        # Nothing typed is lost, and nothing is found fault with before it is asked for.
        fields = AddressForm.Meta.fields
        return AddressForm(initial={name: self.data.get(f"address-{name}", "") for name in fields})

    def _compare_total(self) -> None:
        shown = self.extras.cleaned_data
        if self.quote is None or (self.quote.totals.total, self.quote.currency) == (
            shown.get("expected_total"),
            shown.get("expected_currency"),
        ):
            return
        known = shown.get("expected_total") is not None
        self.refused["summary"].append(
            _("The total has changed meanwhile; nothing was charged. Check it, then submit again.")
            if known
            else _("This is the total; nothing was charged yet. Check it, then submit again.")
        )

    @property
    def shippable(self) -> bool:
        """Tell whether something that was chosen is sent to an address."""
        return any(row.chosen and row.chosen.product.shippable for row in self.rows)

    @property
    def sums(self) -> list[tuple[str, str]]:
        """Give what stands above the total, as people read it; nothing while there is no price."""
        if self.quote is None:
            return []
        totals = self.quote.totals
        sums = [(_("Subtotal"), totals.subtotal)]
        sums += [(_("Discount"), -totals.discount)] if totals.discount else []
        sums += [(_("Shipping"), totals.shipping)] if totals.shipping else []
        sums += [(_("Tax"), totals.tax)] if totals.tax else []
        return [(name, format_money(amount, totals.currency)) for name, amount in sums]

    @property
    def total(self) -> str:
        """Give the total as people read it."""
        return format_money(self.quote.totals.total, self.quote.currency) if self.quote else ""

    @property
    def discount(self) -> str:
        """Give what the coupon takes off, as people read it; empty where it takes nothing off."""
        taken = self.quote.totals.discount if self.quote else 0
        return format_money(taken, self.quote.currency) if self.quote and taken else ""

    @property
    def free(self) -> bool:
        """Tell whether there is nothing to charge."""
        return self.quote is not None and not self.quote.totals.total

    @cached_property
    def addresses(self) -> list[Choice]:
        """Give the customer's addresses."""
        return addresses(self.customer)

    @cached_property
    def cards(self) -> list[Choice]:
        """Give the customer's cards."""
        return cards(self.customer, at=self.at)

    @property
    def address(self) -> str:
        """Give the address that is ticked."""
        typed = any(self.data.get(f"address-{name}") for name in ("name", "line1", "city"))
        return checked(self.addresses, self._ticked("address", "addresses_of", keep=typed))

    @property
    def card(self) -> str:
        """Give the card that is ticked."""
        return checked(self.cards, self._ticked("card", "cards_of", keep=bool(self.data.get("token"))))

    def _ticked(self, name: str, of: str, *, keep: bool) -> str:
        """Give the choice that was sent, unless it was made for another customer and nothing new was typed yet."""
        here = str(self.customer.pk) if self.customer else ""
        return str(self.data.get(name, "")) if keep or self.data.get(of, here) == here else ""

    @property
    def errors(self) -> list[tuple[str, str]]:
        """Give everything that is wrong: the element that it is about, and the sentence."""
        return list(self._errors())

    def _errors(self) -> Iterator[tuple[str, str]]:
        yield from (("id_customer", sentence) for sentence in self.picker.problems)
        for row in self.written:
            for name, sentences in row.errors.items():
                yield from ((f"id_{row.prefix}-{name}", str(sentence)) for sentence in sentences)
        for part in ("items", "address"):
            yield from ((ANCHORS[part], sentence) for sentence in self.refused.get(part, ()))
        yield from self._forms_errors()
        for part in ("payment", "coupon", "summary", "form"):
            yield from ((ANCHORS.get(part, ""), sentence) for sentence in self.refused.get(part, ()))

    def _forms_errors(self) -> Iterator[tuple[str, str]]:
        if hasattr(self, "address_form"):
            for name, sentences in self.address_form.errors.items():
                label = self.address_form.fields[name].label
                yield from ((f"id_address-{name}", f"{label}: {sentence}") for sentence in sentences)
        for anchor, form, name in (("payment", self.payment, "token"), ("id_coupon_code", self.extras, "coupon_code")):
            yield from ((anchor, str(sentence)) for sentence in form.errors.get(name, ()))

    def order(self) -> NewOrder:
        """Give the order as it is to be placed; there must be no errors."""
        assert self.customer is not None  # noqa: S101 - a strict draft without a customer has errors
        chosen_address = str(self.extras.cleaned_data.get("address", "")) if self.shippable else ""
        typed = self.shippable and self.address_form.is_bound
        return NewOrder(
            customer_id=self.customer.pk,
            items=self.wanted,
            via=Order.PlacedVia.STAFF,
            key=self.key,
            coupon_code=self.coupon_code,
            address_id=identity(chosen_address),
            new_address=self.address_form.frozen() if typed else None,
            card_id=None if self.free else self.payment.card_id,
            token="" if self.free else self.payment.new_token,
            save_card=self.payment.cleaned_data["save_card"],
            expected_total=self.extras.cleaned_data["expected_total"],
        )
