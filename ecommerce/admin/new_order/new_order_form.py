"""The New order page as one form: its parts, the objects they name, the quote, and all errors."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from functools import cached_property
from uuid import uuid4

from django.http import QueryDict
from django.utils.translation import gettext as _

from billing.money import format_money
from customers.models import Customer
from ecommerce.admin.new_order.choices import Choice, address_choices, card_choices, selected_value
from ecommerce.admin.new_order.forms import (
    NEW,
    AddressForm,
    CustomerForm,
    ExtrasForm,
    ItemForm,
    PaymentForm,
    parse_choice,
    row_numbers,
)
from ecommerce.models import Order, Sku
from ecommerce.orders.errors import OrderError
from ecommerce.orders.lines import LineRequest
from ecommerce.orders.place import NewOrder
from ecommerce.orders.quotes import Quote, QuoteRequest, quote
from ecommerce.pricing.order import MAX_LINES

# Which section of the page shows an OrderError, and the element that its link leads to.
SECTIONS = {"items": "items", "coupon_code": "coupon", "address_id": "address", "source_id": "payment",
         "gateway_token": "payment"}  # fmt: skip
ANCHORS = {"items": "items", "coupon": "id_coupon_code", "address": "delivery", "payment": "payment",
           "summary": "summary"}  # fmt: skip


def apply_buttons(data: QueryDict) -> QueryDict:
    """Return the data with the row added or removed, or the suggestion picked, that a button asked for."""
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
    if ("_add" in data and len(numbers) < MAX_LINES) or not numbers:
        data[f"items-{max(numbers, default=-1) + 1}-quantity"] = "1"
    return data


class NewOrderForm:
    """With `submitted`, Submit was pressed: what is missing is then an error."""

    max_lines = MAX_LINES

    def __init__(self, data: QueryDict, *, at: datetime, submitted: bool = False) -> None:
        self.data, self.at, self.submitted = data, at, submitted
        self.section_errors: dict[str, list[str]] = defaultdict(list)
        self.customer_form = CustomerForm(data)
        self.customer: Customer | None = self.customer_form.look_up(required=submitted)
        self.rows = [ItemForm(data, prefix=f"items-{number}") for number in row_numbers(data)]
        self.extras, self.payment = ExtrasForm(data), PaymentForm(data)
        self.extras.is_valid()
        self.payment.is_valid()
        self.key = str(self.extras.cleaned_data.get("key") or uuid4())
        if submitted and "key" in self.extras.errors:
            self.section_errors["form"].append(
                _(
                    "This page's key, by which the same order is never made twice, is missing or unreadable; nothing "
                    "was ordered. Look whether the orders list has it already, else submit again."
                )
            )
        self._look_up_skus()
        self.quote = self._quote()
        self.address_form = self._address_form()
        if submitted and not self.errors:
            self._check_total()

    def _look_up_skus(self) -> None:
        # Also of rows with an invalid quantity: a SKU that exists must not be reported as gone.
        picked = [row.picked_id() for row in self.filled_rows if row.is_valid() or "sku_id" in row.cleaned_data]
        skus = Sku.objects.select_related("product").in_bulk([sku_id for sku_id in picked if sku_id])
        for row in self.filled_rows:
            row.look_up(skus, required=self.submitted)

    @cached_property
    def filled_rows(self) -> list[ItemForm]:
        return [row for row in self.rows if not row.is_blank]

    @cached_property
    def lines(self) -> tuple[LineRequest, ...]:
        """One line a SKU, with the quantities of its rows added up."""
        counts: dict[int, int] = {}
        for row in self.filled_rows:
            if row.selected and "quantity" in row.cleaned_data:
                counts[row.selected.pk] = counts.get(row.selected.pk, 0) + row.cleaned_data["quantity"]
        return tuple(LineRequest(sku_id=sku_id, quantity=quantity) for sku_id, quantity in counts.items())

    @property
    def coupon_code(self) -> str:
        return str(self.extras.cleaned_data.get("coupon_code", ""))

    def _quote(self) -> Quote | None:
        if any(row.errors for row in self.filled_rows) or not (self.lines or self.submitted):
            return None
        try:
            return quote(request=QuoteRequest(items=self.lines, coupon_code=self.coupon_code), at=self.at)
        except OrderError as error:
            self.add_order_error(error)
            return self._quote_without_coupon() if error.field == "coupon_code" else None

    def _quote_without_coupon(self) -> Quote | None:
        try:
            return quote(request=QuoteRequest(items=self.lines), at=self.at)
        except OrderError as error:
            self.add_order_error(error)
            return None

    def add_order_error(self, error: OrderError) -> None:
        section = "summary" if error.code == "price_changed" else SECTIONS.get(error.field, "form")
        if error.message not in self.section_errors[section]:
            self.section_errors[section].append(error.message)

    def _address_form(self) -> AddressForm:
        if self.submitted and self.shippable and self.data.get("address") == NEW:
            form = AddressForm(self.data)
            form.is_valid()
            return form
        # Unbound: what was typed is kept, but not validated before it is needed.
        fields = AddressForm.Meta.fields
        return AddressForm(initial={name: self.data.get(f"address-{name}", "") for name in fields})

    def _check_total(self) -> None:
        extras = self.extras.cleaned_data
        if self.quote is None or (self.quote.totals.total, self.quote.currency) == (
            extras.get("expected_total"),
            extras.get("expected_currency"),
        ):
            return
        had_total = extras.get("expected_total") is not None
        self.section_errors["summary"].append(
            _("The total has changed meanwhile; nothing was charged. Check it, then submit again.")
            if had_total
            else _("This is the total; nothing was charged yet. Check it, then submit again.")
        )

    @property
    def shippable(self) -> bool:
        return any(row.selected and row.selected.product.shippable for row in self.rows)

    @property
    def total_rows(self) -> list[tuple[str, str]]:
        if self.quote is None:
            return []
        totals = self.quote.totals
        rows = [(_("Subtotal"), totals.subtotal)]
        rows += [(_("Discount"), -totals.discount)] if totals.discount else []
        rows += [(_("Shipping"), totals.shipping)] if totals.shipping else []
        rows += [(_("Tax"), totals.tax)] if totals.tax else []
        return [(name, format_money(amount, totals.currency)) for name, amount in rows]

    @property
    def total(self) -> str:
        return format_money(self.quote.totals.total, self.quote.currency) if self.quote else ""

    @property
    def discount(self) -> str:
        if self.quote is None or not self.quote.totals.discount:
            return ""
        return format_money(self.quote.totals.discount, self.quote.currency)

    @property
    def is_free(self) -> bool:
        return self.quote is not None and not self.quote.totals.total

    @cached_property
    def addresses(self) -> list[Choice]:
        return address_choices(self.customer)

    @cached_property
    def cards(self) -> list[Choice]:
        return card_choices(self.customer, at=self.at)

    @property
    def address(self) -> str:
        typed = any(self.data.get(f"address-{name}") for name in ("name", "line1", "city"))
        return selected_value(self.addresses, self._requested_choice("address", "addresses_of", keep=typed))

    @property
    def card(self) -> str:
        return selected_value(self.cards, self._requested_choice("card", "cards_of", keep=bool(self.data.get("token"))))

    def _requested_choice(self, name: str, of: str, *, keep: bool) -> str:
        # A choice made for another customer is dropped, unless something new was typed.
        customer_id = str(self.customer.pk) if self.customer else ""
        return str(self.data.get(name, "")) if keep or self.data.get(of, customer_id) == customer_id else ""

    @property
    def errors(self) -> list[tuple[str, str]]:
        """The id of the element and the message of each error, in the order of the page."""
        return list(self._iter_errors())

    def _iter_errors(self) -> Iterator[tuple[str, str]]:
        yield from (("id_customer", message) for message in self.customer_form.error_messages)
        for row in self.filled_rows:
            for name, messages in row.errors.items():
                yield from ((f"id_{row.prefix}-{name}", str(message)) for message in messages)
        for section in ("items", "address"):
            yield from ((ANCHORS[section], message) for message in self.section_errors.get(section, ()))
        yield from self._iter_form_errors()
        for section in ("payment", "coupon", "summary", "form"):
            yield from ((ANCHORS.get(section, ""), message) for message in self.section_errors.get(section, ()))

    def _iter_form_errors(self) -> Iterator[tuple[str, str]]:
        if hasattr(self, "address_form"):
            for name, messages in self.address_form.errors.items():
                label = self.address_form.fields[name].label
                yield from ((f"id_address-{name}", f"{label}: {message}") for message in messages)
        for anchor, form, name in (("payment", self.payment, "token"), ("id_coupon_code", self.extras, "coupon_code")):
            yield from ((anchor, str(message)) for message in form.errors.get(name, ()))

    def new_order(self) -> NewOrder:
        """There must be no errors."""
        assert self.customer is not None  # noqa: S101 - a submitted form without a customer has errors
        address_choice = str(self.extras.cleaned_data.get("address", "")) if self.shippable else ""
        has_new_address = self.shippable and self.address_form.is_bound
        return NewOrder(
            customer_id=self.customer.pk,
            items=self.lines,
            via=Order.PlacedVia.STAFF,
            key=self.key,
            coupon_code=self.coupon_code,
            address_id=parse_choice(address_choice),
            new_address=self.address_form.frozen() if has_new_address else None,
            card_id=None if self.is_free else self.payment.card_id,
            token="" if self.is_free else self.payment.new_token,
            save_card=self.payment.cleaned_data["save_card"],
            expected_total=self.extras.cleaned_data["expected_total"],
        )
