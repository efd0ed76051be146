"""The New order page as one form: its parts, the objects they name, the quote, and all errors."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from functools import cached_property
from uuid import uuid4

from django.http import QueryDict
from django.utils.translation import gettext as _

from billing.money import format_money
from customers.actors import Actor
from customers.models import Customer
from ecommerce.admin.new_order.choices import Choice, card_choices, selected_value
from ecommerce.admin.new_order.delivery import Delivery, MethodChoice, requested_choice
from ecommerce.admin.new_order.forms import CustomerForm, ExtrasForm, ItemForm, PaymentForm, row_numbers
from ecommerce.admin.new_order.manual_prices import ManualPrices, custom_numbers
from ecommerce.admin.new_order.totals import ShownLine, ShownTotal, shown_lines, shown_totals, tax_reasons
from ecommerce.models import Order, Sku
from ecommerce.orders.errors import OrderError
from ecommerce.orders.lines import LineRequest
from ecommerce.orders.manual_prices import check_ceiling, price_rights
from ecommerce.orders.place import NewOrder
from ecommerce.orders.quotes import Quote, QuoteRequest, quote
from ecommerce.pricing.order import MAX_LINES

# Which section of the page shows an OrderError, and the element that its link leads to.
SECTIONS = {"items": "items", "coupon_code": "coupon", "address_id": "address", "source_id": "payment",
            "gateway_token": "payment", "shipping_rate_id": "shipping", "shipping_price": "shipping",
            "discount": "manual", "discount_reason": "manual"}  # fmt: skip
SECTIONS_BY_CODE = {"price_changed": "summary", "tax_unavailable": "summary", "no_shipping_rate": "address"}
ANCHORS = {"items": "items", "coupon": "id_coupon_code", "address": "delivery", "payment": "payment",
           "summary": "summary", "shipping": "shipping", "manual": "manual"}  # fmt: skip


def apply_buttons(data: QueryDict) -> QueryDict:
    """Return the data with the row added or removed, or the suggestion picked, that a button asked for."""
    data = data.copy()
    for button, rows in (("_remove", "items"), ("_remove_custom", "custom")):
        removed = data.get(button, "")
        for name in [name for name in data if removed and name.startswith(f"{rows}-{removed}-")]:
            del data[name]
    row, _dash, picked = data.get("_pick_sku", "").partition("-")
    if picked:
        data[f"items-{row}-sku_id"], data[f"items-{row}-sku"] = picked, ""
    if data.get("_pick_customer"):
        data["customer_id"], data["customer"] = data.get("_pick_customer", ""), ""
    numbers, custom = row_numbers(data), custom_numbers(data)
    has_room = len(numbers) + len(custom) < MAX_LINES
    if ("_add" in data and has_room) or not numbers:
        data[f"items-{max(numbers, default=-1) + 1}-quantity"] = "1"
    if "_add_custom" in data and has_room:
        data[f"custom-{max(custom, default=-1) + 1}-quantity"] = "1"
    return data


class NewOrderForm:
    """With `submitted`, Submit was pressed: what is missing is then an error."""

    max_lines = MAX_LINES

    def __init__(self, data: QueryDict, *, by: Actor, at: datetime, submitted: bool = False) -> None:
        self.by = by
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
        self.manual = ManualPrices(data, rights=price_rights(by), currency=self.sku_currency, submitted=submitted)
        self.section_errors["form"] += self.manual.refused
        self._read_discounts()
        self.delivery = Delivery(data, customer=self.customer, shippable=self.shippable, submitted=submitted)
        self.quote = self._quote()
        self._check_discounts()
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

    @property
    def sku_currency(self) -> str:
        return next((row.selected.currency for row in self.rows if row.selected), "")

    def _read_discounts(self) -> None:
        for row in self.filled_rows if self.manual.rights.may_discount else ():
            row.read_discount()

    @cached_property
    def lines(self) -> tuple[LineRequest, ...]:
        """SKUs first, equal rows added up by the act; then the custom lines."""
        return *(row.line for row in self.filled_rows if row.line), *self.manual.lines

    @property
    def coupon_code(self) -> str:
        return str(self.extras.cleaned_data.get("coupon_code", ""))

    def _quote(self) -> Quote | None:
        wrong = any(row.errors for row in (*self.filled_rows, *self.manual.filled_rows)) or self.manual.errors
        if wrong or not (self.lines or self.submitted):
            return None
        request: QuoteRequest | None = QuoteRequest(
            items=self.lines,
            coupon_code=self.coupon_code,
            discount=self.manual.discount,
            customer=self.customer,
            address=self.delivery.quoted_address,
            shipping=self.delivery.choice(price=self.manual.shipping_price),
        )
        while request:
            try:
                return quote(request=request, at=self.at)
            except OrderError as error:
                # Another address has other methods: until Submit is pressed, the cheapest is chosen instead.
                if error.code != "unknown_shipping_rate" or self.submitted:
                    self.add_order_error(error)
                request = _without_cause(request, error)
        return None

    def add_order_error(self, error: OrderError) -> None:
        section = SECTIONS_BY_CODE.get(error.code) or SECTIONS.get(error.field, "form")
        if error.message not in self.section_errors[section]:
            self.section_errors[section].append(error.message)

    def _check_discounts(self) -> None:
        given = [self.manual.discount, *(line.discount for line in self.lines)]
        self.manual.check_reason(has_discount=any(given))
        try:
            if self.quote:
                check_ceiling(self.quote.totals, self.manual.rights)
        except OrderError as error:
            self.add_order_error(error)

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
        return self.manual.is_shippable or any(row.selected and row.selected.product.shippable for row in self.rows)

    @property
    def line_count(self) -> int:
        return len(self.rows) + len(self.manual.rows)

    @property
    def shown_lines(self) -> list[ShownLine]:
        return shown_lines(self.quote) if self.quote else []

    @property
    def total_rows(self) -> list[ShownTotal]:
        return shown_totals(self.quote) if self.quote else []

    @property
    def tax_reasons(self) -> list[str]:
        return tax_reasons(self.quote) if self.quote else []

    @property
    def total(self) -> str:
        return format_money(self.quote.totals.total, self.quote.currency) if self.quote else ""

    @property
    def coupon_discount(self) -> str:
        totals = self.quote.totals if self.quote else None
        off = totals.discount - totals.manual_discount if totals else 0
        return format_money(off, totals.currency) if totals and off else ""

    @cached_property
    def methods(self) -> list[MethodChoice]:
        return self.delivery.methods(self.quote)

    @cached_property
    def shows_methods(self) -> bool:
        return self.delivery.shows_methods(self.quote)

    @property
    def method(self) -> int | None:
        """The shipping method that is chosen, the cheapest until then."""
        return self.quote.shipping_option.rate_id if self.quote and self.quote.shipping_option else None

    @property
    def needs_address(self) -> bool:
        """Whether shipping and taxes wait for the address."""
        return self.shippable and self.delivery.quoted_address is None

    @property
    def is_free(self) -> bool:
        return self.quote is not None and not self.quote.totals.total

    @cached_property
    def cards(self) -> list[Choice]:
        return card_choices(self.customer, at=self.at)

    @property
    def card(self) -> str:
        keep = bool(self.data.get("token"))
        return selected_value(self.cards, requested_choice(self.data, "card", self.customer, keep=keep))

    @property
    def errors(self) -> list[tuple[str, str]]:
        """The id of the element and the message of each error, in the order of the page."""
        return list(self._iter_errors())

    def _iter_errors(self) -> Iterator[tuple[str, str]]:
        yield from (("id_customer", message) for message in self.customer_form.error_messages)
        for row in self.filled_rows:
            for name, messages in row.errors.items():
                yield from ((f"id_{row.prefix}-{name}", str(message)) for message in messages)
        yield from self._iter_section_errors("items")
        yield from self.manual.iter_errors()
        yield from self._iter_section_errors("manual", "address")
        yield from self._iter_form_errors()
        yield from self._iter_section_errors("shipping", "payment", "coupon", "summary", "form")

    def _iter_section_errors(self, *sections: str) -> Iterator[tuple[str, str]]:
        for section in sections:
            yield from ((ANCHORS.get(section, ""), message) for message in self.section_errors.get(section, ()))

    def _iter_form_errors(self) -> Iterator[tuple[str, str]]:
        form = self.delivery.address_form
        for name, messages in form.errors.items():
            yield from ((f"id_address-{name}", f"{form.fields[name].label}: {message}") for message in messages)
        for anchor, part, name in (("payment", self.payment, "token"), ("id_coupon_code", self.extras, "coupon_code")):
            yield from ((anchor, str(message)) for message in part.errors.get(name, ()))

    def new_order(self) -> NewOrder:
        """There must be no errors."""
        assert self.customer is not None  # noqa: S101 - a submitted form without a customer has errors
        return NewOrder(
            customer_id=self.customer.pk,
            items=self.lines,
            via=Order.PlacedVia.STAFF,
            key=self.key,
            coupon_code=self.coupon_code,
            address_id=self.delivery.address_id(),
            new_address=self.delivery.new_address(),
            discount=self.manual.discount,
            discount_reason=self.manual.reason,
            shipping=self.delivery.choice(price=self.manual.shipping_price),
            card_id=None if self.is_free else self.payment.card_id,
            token="" if self.is_free else self.payment.new_token,
            save_card=self.payment.cleaned_data["save_card"],
            expected_total=self.extras.cleaned_data["expected_total"],
        )


def _without_cause(request: QuoteRequest, error: OrderError) -> QuoteRequest | None:
    """Return the request without what was refused, so that all else is priced; None where nothing is left out."""
    if error.field == "coupon_code" and request.coupon_code:
        return replace(request, coupon_code="")
    if error.code == "unknown_shipping_rate" and request.shipping.rate_id is not None:
        return replace(request, shipping=replace(request.shipping, rate_id=None))
    return None
