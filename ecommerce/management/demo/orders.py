"""300 orders over 90 days, each placed, paid, fulfilled, canceled or returned by the real acts."""

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

from customers.actors import Actor, ActorKind
from customers.models import Address, Customer, User
from ecommerce.management.demo.parcels import NUMBERS, tracking_number
from ecommerce.models import Order, Sku
from ecommerce.orders.cancel import cancel
from ecommerce.orders.errors import OrderError
from ecommerce.orders.execute import execute_act
from ecommerce.orders.fulfill import fulfill
from ecommerce.orders.lines import CustomLine, LineRequest
from ecommerce.orders.place import NewOrder, place
from ecommerce.orders.refund import refund
from ecommerce.orders.refund_quotes import RefundRequest
from ecommerce.orders.return_order import return_order
from ecommerce.orders.selectors import open_act
from ecommerce.pricing.order import Discount

ORDERS = 300
DAYS = 90
NOT_YET_FULFILLED = timedelta(days=6)  # the newest orders stay as they were placed
CARRIERS = tuple(NUMBERS)
CANCEL_REASONS = ("Customer changed their mind", "Ordered twice", "Wrong address")
RETURN_REASONS = ("Wrong size", "Arrived damaged", "Not as expected")
# What customers of a country buy in: US prices have tax on top, EUR prices include it. JPY and KWD have no rates there.
CURRENCIES = {
    "US": (("usd",), (1,)),
    "DE": (("eur", "usd"), (85, 15)),
    "FR": (("eur", "usd"), (80, 20)),
    "": (("usd", "jpy", "kwd"), (70, 19, 11)),
}
GOOD_CARDS = ("pm_card_visa", "pm_card_mastercard", "pm_card_amex")

FollowUp = Callable[[Order, datetime], Order]


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoShop:
    rng: random.Random
    staff: dict[str, User]
    customers: list[Customer]
    skus: list[Sku]
    now: datetime

    def by(self, role: str) -> Actor:
        return Actor.staff(self.staff[role])


def create_orders(shop: DemoShop) -> None:
    ages = [timedelta(days=DAYS * shop.rng.random(), minutes=60) for _ in range(ORDERS - 1)]
    # The last waits for its customer's authentication, which ends by itself after a day.
    times = sorted(shop.now - age for age in [*ages, timedelta(minutes=30)])
    for number, at in enumerate(times):
        token, follow_up = _choose_scenario(shop, number, at)
        order = _place_any(shop, token, at=at)
        if order.was_paid:
            follow_up(order, at)


def _choose_scenario(shop: DemoShop, number: int, at: datetime) -> tuple[str, FollowUp]:
    """Choose a card, and what becomes of the order."""
    # At fixed numbers, so that the demo shows every badge.
    fixed: dict[int, tuple[str, FollowUp]] = {
        ORDERS - 40: ("pm_card_pendingRefund", partial(_cancel, shop)),
        ORDERS - 30: ("pm_card_createDispute", partial(_cancel, shop)),
        ORDERS - 1: ("pm_card_authenticationRequired", _do_nothing),
        ORDERS - 8: ("pm_card_riskLevelElevated", _do_nothing),
        ORDERS - 10: ("pm_card_chargeDeclinedInsufficientFunds", _do_nothing),
        ORDERS - 5: ("pm_card_chargeDeclined", _do_nothing),
    }
    if number in fixed:
        return fixed[number]
    if shop.now - at < NOT_YET_FULFILLED:
        return shop.rng.choice(GOOD_CARDS), _do_nothing
    follow_ups: list[tuple[FollowUp, int]] = [
        (partial(_fulfill, shop), 78),
        (partial(_cancel, shop), 8),
        (partial(_return, shop), 6),
        (partial(_refund_one_item, shop), 4),
    ]
    declined = shop.rng.random() < 0.04  # noqa: PLR2004 - what shops see
    token = "pm_card_chargeDeclined" if declined else shop.rng.choice(GOOD_CARDS)
    return token, shop.rng.choices([follow_up for follow_up, _ in follow_ups], [weight for _, weight in follow_ups])[0]


def _place_any(shop: DemoShop, token: str, *, at: datetime) -> Order:
    while True:
        try:
            return _place(shop, token, at=at)
        except OrderError as error:
            if error.code != "out_of_stock":  # then another choice
                raise


def _place(shop: DemoShop, token: str, *, at: datetime) -> Order:
    customer = shop.rng.choice(shop.customers)
    address = customer.addresses.get(kind=Address.Kind.SHIPPING)
    website = shop.rng.random() < 0.6  # noqa: PLR2004 - most orders come from the website
    items = _basket(shop, address.country)
    agreed = {} if website or shop.rng.random() > 0.15 else _agreement(shop, items)  # noqa: PLR2004 - a few
    by = Actor(kind=ActorKind.CUSTOMER, label=str(customer), user_id=customer.user_id) if website else None
    new_order = NewOrder(
        customer_id=customer.pk,
        items=items,
        via=Order.PlacedVia.WEBSITE if website else Order.PlacedVia.STAFF,
        coupon_code=shop.rng.choices(("", "SAVE10", "WELCOME15", "FRIENDS100"), (80, 11, 8, 1))[0],
        address_id=address.pk,
        token=token,
        save_card=shop.rng.random() < 0.3,  # noqa: PLR2004 - some keep their card
    )
    if agreed:
        new_order, by = replace(new_order, **agreed), shop.by("admin")
    by = by or shop.by(shop.rng.choice(("admin", "support", "manager")))
    return place(new_order=new_order, by=by, at=at)


def _basket(shop: DemoShop, country: str) -> tuple[LineRequest, ...]:
    currencies, weights = CURRENCIES.get(country, CURRENCIES[""])
    currency = shop.rng.choices(currencies, weights)[0]
    offered = [sku for sku in shop.skus if sku.currency == currency]
    chosen = shop.rng.sample(offered, shop.rng.choices((1, 2, 3), (60, 28, 12))[0] if len(offered) > 2 else 1)  # noqa: PLR2004
    return tuple(LineRequest(sku_id=sku.pk, quantity=shop.rng.choices((1, 2, 3), (75, 18, 7))[0]) for sku in chosen)


def _agreement(shop: DemoShop, items: tuple[LineRequest, ...]) -> dict[str, Any]:
    """What staff agreed with a customer: a percentage off, and sometimes a line that is no SKU."""
    sku = next(sku for sku in shop.skus if sku.pk == items[0].sku_id)
    wrapping = CustomLine(description="Gift wrapping", unit_price=500, currency=sku.currency)
    more = (LineRequest(custom=wrapping, quantity=1),) if shop.rng.random() < 0.5 else ()  # noqa: PLR2004 - half
    return {
        "items": (*items, *more),
        "discount": Discount(percent_off=Decimal(shop.rng.choice((5, 10)))),
        "discount_reason": shop.rng.choice(("Regular customer", "Apology for a late parcel")),
    }


def _do_nothing(order: Order, _at: datetime) -> Order:
    return order


def _later(shop: DemoShop, at: datetime, *, days: float) -> datetime:
    return min(at + timedelta(days=days * (0.3 + shop.rng.random())), shop.now)


def _fulfill(shop: DemoShop, order: Order, at: datetime) -> Order:
    sent = _later(shop, at, days=2)
    shipped = order.shipping_address is not None
    carrier = shop.rng.choice(CARRIERS) if shipped else ""
    return fulfill(
        order_id=order.pk,
        by=shop.by("fulfillment"),
        at=sent,
        carrier=carrier,
        tracking_number=tracking_number(shop.rng, carrier) if carrier else "",
    )


def _cancel(shop: DemoShop, order: Order, at: datetime) -> Order:
    then = _later(shop, at, days=1)
    canceled = cancel(order_id=order.pk, reason=shop.rng.choice(CANCEL_REASONS), by=shop.by("support"), at=then)
    return _execute(canceled, at=then)


def _return(shop: DemoShop, order: Order, at: datetime) -> Order:
    _fulfill(shop, order, at)
    then = _later(shop, at, days=4)
    reason = shop.rng.choice(RETURN_REASONS)
    return _execute(
        return_order(order_id=order.pk, reason=reason, restock=True, by=shop.by("support"), at=then), at=then
    )


def _refund_one_item(shop: DemoShop, order: Order, at: datetime) -> Order:
    _fulfill(shop, order, at)
    then = _later(shop, at, days=4)
    item = order.items.order_by("pk")[0]
    try:
        refunded = refund(
            order_id=order.pk,
            request=RefundRequest(lines=[(item.pk, 1)]),
            reason="One came damaged",
            by=shop.by("finance"),
            at=then,
        )
    except OrderError:
        return order  # its only item: that would be a return
    return _execute(refunded, at=then)


def _execute(order: Order, *, at: datetime) -> Order:
    act = open_act(order)
    if act:
        execute_act(act=act, at=at)
    return order
