"""Correct the address of a placed order, where that changes neither its taxes nor what its shipping costs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from billing.money import format_money
from customers.actors import Actor
from customers.models import FrozenAddress
from ecommerce.models import Order, OrderAct, OrderEvent, OrderItem
from ecommerce.orders.errors import OrderError, in_flight, wrong_status
from ecommerce.orders.history import record
from ecommerce.orders.lines import CustomLine, LineRequest
from ecommerce.orders.quotes import price_lines, with_stripe_tax
from ecommerce.orders.selectors import open_act
from ecommerce.orders.shipping import CHEAPEST, Parcel, ShippingChoice, shipping_options
from ecommerce.orders.terms import SaleTerms, billing_address, place_of, read_terms
from ecommerce.pricing.order import Discount
from ecommerce.pricing.taxes import Tax

UNSENT = frozenset({Order.Status.CREATED, Order.Status.PAID})


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceThere:
    """What an order's shipping and taxes come to at an address, in the minor unit."""

    shipping: int
    taxes: Mapping[Tax, int]

    @property
    def tax(self) -> int:
        """The sum of its taxes."""
        return sum(self.taxes.values())


def correct_address(*, order_id: int, address: FrozenAddress, reason: str = "", by: Actor, at: datetime) -> Order:
    """Send an unsent order elsewhere; raise OrderError. The invoice, and whom it bills, stay as they are.

    Outside any transaction: Stripe Tax may be asked what the place's taxes are.
    """
    seen = Order.objects.select_related("customer").get(pk=order_id)
    check_correctable(seen, open_act(seen))
    check_price_stays(seen, address, at=at)
    with transaction.atomic():
        order = Order.objects.locked().get(pk=order_id)
        check_correctable(order, open_act(order))
        old = order.shipping_address
        if old != seen.shipping_address:
            sentence = _("The address was changed meanwhile: look at it again before you change it.")
            raise OrderError("changed", sentence)
        if old == address:
            return order
        order.shipping_address, order.address = dict(address), None
        order.save(update_fields=["shipping_address", "address"])
        data = {"old": old, "new": dict(address), **({"reason": reason.strip()} if reason.strip() else {})}
        record(order, OrderEvent.Kind.ADDRESS_CHANGED, by=by, at=at, **data)
    return order


def check_correctable(order: Order, act: OrderAct | None) -> None:
    """Raise OrderError where the address of an order can't be corrected any more."""
    if order.status not in UNSENT:
        raise wrong_status(order, needed=_("created or paid"), act=_("sent to another address"))
    if not order.shipping_address:
        raise OrderError("not_shipped", _("Nothing of order %(number)s is shipped.") % {"number": order.number})
    if order.fulfillments.filter(voided_at=None).exists():
        sentence = _("A parcel of order %(number)s has left, with this address on it.")
        raise OrderError("parcel_left", sentence % {"number": order.number})
    if act and act.kind != OrderAct.Kind.PAY:
        raise in_flight(order, act)


def check_price_stays(order: Order, address: Mapping[str, Any], *, at: datetime) -> None:
    """Raise OrderError where taxes or shipping would be others at the new address."""
    old = order.shipping_address or {}
    if place_of(old) == place_of(address):
        return
    items = list(order.items.select_related("sku").order_by("pk"))
    here, there = _price(order, items, old, at=at, is_new=False), _price(order, items, address, at=at, is_new=True)
    differences = [
        *_difference(_("shipping"), here.shipping, there.shipping, order.currency),
        *_difference(_("tax"), here.tax, there.tax, order.currency),
    ]
    if not differences and dict(here.taxes) != dict(there.taxes):
        values = {"old": _names(here.taxes), "new": _names(there.taxes)}
        differences = [_("the tax would be %(new)s, not %(old)s") % values]
    if differences:
        sentence = _(
            "At this address %(differences)s. What a placed order costs does not change: cancel it and place another "
            "one, or choose an address of the same price."
        )
        raise OrderError(
            "address_changes_price", sentence % {"differences": _(" and ").join(differences)}, field="address"
        )


def _difference(what: str, old: int, new: int, currency: str) -> list[str]:
    if old == new:
        return []
    values = {"what": what, "by": format_money(abs(new - old), currency), "new": format_money(new, currency)}
    if new > old:
        return [_("%(what)s would be %(new)s (%(by)s more)") % values]
    return [_("%(what)s would be %(new)s (%(by)s less)") % values]


def _names(taxes: Mapping[Tax, int]) -> str:
    return ", ".join(f"{tax.name} {tax.percent.normalize():f} % ({tax.country})" for tax in taxes) or _("none")


def _price(
    order: Order, items: Sequence[OrderItem], address: Mapping[str, Any], *, at: datetime, is_new: bool
) -> PriceThere:
    """Price the order's own lines with the code that charges, as of the day it was paid."""
    terms = read_terms(
        customer=order.customer,
        address=address,
        billing=billing_address(order.customer, via=order.placed_via),
        shipped=True,
        at=order.paid_at or at,
        placed=order,
    )
    shipping = _shipping(order, items, terms, is_new=is_new)
    # What was agreed for the shipping is taxed, whatever it is at either place.
    agreed = ShippingChoice(price=order.shipping, name=order.shipping_name, frozen=True)
    lines = [_line(order, item) for item in items]

    def priced(terms: SaleTerms) -> Any:
        return price_lines(lines, {}, terms=terms, coupon=None, shipping=agreed)

    totals = with_stripe_tax(priced, terms=terms).totals
    return PriceThere(shipping=shipping, taxes={each.tax: each.amount for each in totals.taxes})


def _line(order: Order, item: OrderItem) -> LineRequest:
    custom = CustomLine(
        description=item.description,
        unit_price=item.unit_price,
        currency=order.currency,
        tax_category=item.tax_category,
        shippable=item.shippable,
    )
    discount = Discount(amount_off=item.discount) if item.discount else None
    return LineRequest(sku_id=None, quantity=item.quantity, custom=custom, discount=discount)


def _shipping(order: Order, items: Sequence[OrderItem], terms: SaleTerms, *, is_new: bool) -> int:
    shipped = [item for item in items if item.shippable]
    parcel = Parcel(
        goods=sum(item.amount - item.discount for item in shipped),
        weight=sum(item.sku.weight * item.quantity for item in shipped if item.sku),
    )
    try:
        options = shipping_options(parcel, terms, order.currency, CHEAPEST)
    except OrderError:
        if is_new:
            raise
        return order.shipping  # the zones have changed since: what was agreed counts
    by_name = next((option for option in options if option.name == order.shipping_name), None)
    option = by_name or next(iter(options), None)
    return option.price if option else 0
