"""Where an order of the New order page goes, and by which shipping method."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.utils.translation import gettext as _

from billing.money import format_money
from customers.countries import country_choices
from customers.models import Address, Customer, FrozenAddress
from ecommerce.admin.new_order.choices import Choice, address_choice, selected_value
from ecommerce.admin.new_order.discounts import typed
from ecommerce.admin.new_order.forms import NEW, AddressForm, parse_choice
from ecommerce.models import ShippingZone
from ecommerce.models.shipping import days_in_words
from ecommerce.orders.quotes import Quote
from ecommerce.orders.shipping import ShippingChoice
from ecommerce.shipping.options import ShippingOption


@dataclass(frozen=True, slots=True, kw_only=True)
class MethodChoice:
    """A radio button of a shipping method."""

    value: int
    title: str
    days: str
    price: str


class Delivery:
    """`shippable` is whether anything of the order is shipped."""

    def __init__(self, data: Any, *, customer: Customer | None, shippable: bool, submitted: bool) -> None:
        self.data, self.customer, self.shippable = data, customer, shippable
        self.address_form = self._address_form(validated=submitted and shippable and data.get("address") == NEW)

    def _address_form(self, *, validated: bool) -> AddressForm:
        if validated:
            form = AddressForm(self.data)
            form.is_valid()
            return form
        # Unbound: what was typed is kept, but not validated before it is needed.
        return AddressForm(initial=self._typed_address())

    def _typed_address(self) -> dict[str, str]:
        return {name: str(self.data.get(f"address-{name}", "")) for name in AddressForm.Meta.fields}

    @cached_property
    def _saved(self) -> Sequence[Address]:
        # Shipping addresses first, the default before others.
        if self.customer is None:
            return []
        return list(self.customer.addresses.order_by("-kind", "-is_default", "-pk"))

    @cached_property
    def addresses(self) -> list[Choice]:
        return [address_choice(each) for each in self._saved]

    @property
    def address(self) -> str:
        """The radio button that is chosen."""
        is_typed = any(self.data.get(f"address-{name}") for name in ("name", "line1", "city"))
        return selected_value(self.addresses, requested_choice(self.data, "address", self.customer, keep=is_typed))

    @cached_property
    def quoted_address(self) -> FrozenAddress | dict[str, str] | None:
        """Where shipping and taxes are priced for; None while that is not known."""
        if not self.shippable:
            return None
        if self.address == NEW:
            address = self._typed_address()
            return address if address["country"] in dict(country_choices()) else None
        return next(each.frozen() for each in self._saved if str(each.pk) == self.address)

    def choice(self, *, price: int | None) -> ShippingChoice:
        """Return the method that is chosen, else the cheapest, with the price that was agreed on."""
        if not self.shippable:
            return ShippingChoice()
        return ShippingChoice(rate_id=parse_choice(typed(self.data, "shipping_rate")), price=price)

    def methods(self, quote: Quote | None) -> list[MethodChoice]:
        return [_method(option, quote.currency) for option in quote.shipping_options] if quote else []

    def shows_methods(self, quote: Quote | None) -> bool:
        """Whether shipping is charged here: nothing is shown of it in a shop without zones."""
        if not self.shippable:
            return False
        if quote is not None and self.quoted_address is not None:
            return bool(quote.shipping_options)
        return ShippingZone.objects.exists()

    def new_address(self) -> FrozenAddress | None:
        """Return the typed address, which is valid."""
        return self.address_form.frozen() if self.shippable and self.address_form.is_bound else None

    def address_id(self) -> int | None:
        return parse_choice(typed(self.data, "address")) if self.shippable else None


def requested_choice(data: Any, name: str, customer: Customer | None, *, keep: bool) -> str:
    """Return what was chosen, unless it was chosen for another customer and nothing new was typed."""
    customer_id = str(customer.pk) if customer else ""
    belongs = data.get({"address": "addresses_of", "card": "cards_of"}[name], customer_id) == customer_id
    return str(data.get(name, "")) if keep or belongs else ""


def _method(option: ShippingOption, currency: str) -> MethodChoice:
    price = format_money(option.price, currency) if option.price else _("free")
    days = days_in_words(option.days_from, option.days_to)
    return MethodChoice(value=option.rate_id, title=option.name, days=days, price=price)
