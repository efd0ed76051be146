"""Which shipping rates an order may choose from, and what it pays for the one that it chose."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _

from billing.money import is_on_step, off_step
from customers.countries import country_name
from ecommerce.orders.errors import OrderError
from ecommerce.orders.terms import SaleTerms
from ecommerce.shipping.options import ShippingOption, applies
from ecommerce.shipping.options import options as options_of


@dataclass(frozen=True, slots=True, kw_only=True)
class ShippingChoice:
    """How a customer wants it shipped: a rate, else the cheapest; `price`, in the minor unit, is agreed by hand.

    `frozen` is that of an order that was placed: its price and name stay, whatever the rates are now.
    """

    rate_id: int | None = None
    price: int | None = None
    name: str = ""
    frozen: bool = False


CHEAPEST = ShippingChoice()


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """What is shipped: its price after discount in the minor unit, and its weight in grams."""

    goods: int
    weight: int


def shipping_options(
    parcel: Parcel | None, terms: SaleTerms, currency: str, choice: ShippingChoice
) -> list[ShippingOption]:
    """Return what may be chosen; none where nothing is shipped, it is not known where to, or the shop ships free."""
    if parcel is None or terms.place is None or choice.frozen or not applies(terms.zones):
        return []
    found = options_of(terms.zones, place=terms.place, currency=currency, goods=parcel.goods, weight=parcel.weight)
    if not found:
        sentence = _("Nothing of this weight and currency is shipped to %(country)s; nothing was charged.")
        country = country_name(terms.place.country)
        raise OrderError("no_shipping_rate", sentence % {"country": country}, field="shipping_rate_id")
    return found


def chosen_option(options: Sequence[ShippingOption], choice: ShippingChoice) -> ShippingOption | None:
    """Return the rate that was chosen, else the cheapest; raise OrderError where it is not offered."""
    if choice.rate_id is None or not options:
        return options[0] if options else None
    chosen = next((option for option in options if option.rate_id == choice.rate_id), None)
    if chosen is None:
        sentence = _("This shipping method is not offered for the order; choose another.")
        raise OrderError("unknown_shipping_rate", sentence, field="shipping_rate_id")
    return chosen


def shipping_price(option: ShippingOption | None, choice: ShippingChoice, currency: str) -> int:
    """Return what the shipping costs, in the minor unit; raise OrderError where the agreed price is no such amount."""
    if choice.price is not None:
        if choice.price < 0 or not is_on_step(choice.price, currency):
            sentence = str(off_step(currency)) if choice.price > 0 else _("The amount can't be below zero.")
            raise OrderError("invalid_shipping_price", sentence, field="shipping_price")
        return choice.price
    return option.price if option else 0
