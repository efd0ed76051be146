"""Three hundred orders over ninety days, each placed, paid and followed up by the real acts."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from customers.actors import Actor, ActorKind
from customers.models import Customer, User
from ecommerce.models import Order, Sku
from ecommerce.orders.cancel import cancel
from ecommerce.orders.errors import OrderError
from ecommerce.orders.execute import execute_act
from ecommerce.orders.fulfill import fulfill
from ecommerce.orders.place import NewOrder, place
from ecommerce.orders.quotes import LineRequest
from ecommerce.orders.refund import refund
from ecommerce.orders.return_order import return_order
from ecommerce.orders.selectors import open_act

ORDERS = 300
DAYS = 90
STILL_OPEN = timedelta(days=6)
CARRIERS = ("DHL", "UPS", "FedEx", "Royal Mail")
CANCELED_FOR = ("Customer changed their mind", "Ordered twice", "Wrong address")
RETURNED_FOR = ("Wrong size", "Arrived damaged", "Not as expected")
GOOD = ("pm_card_visa", "pm_card_mastercard", "pm_card_amex")

Story = Callable[[Order, datetime], Order]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shop:
    """What stories are told with."""

    dice: random.Random
    staff: dict[str, User]
    customers: list[Customer]
    skus: list[Sku]
    now: datetime

    def by(self, role: str) -> Actor:
        """Name a member of staff."""
        return Actor.staff(self.staff[role])


def trade(shop: Shop) -> None:
    """Place every order at its time, and follow it up."""
    ages = [timedelta(days=DAYS * shop.dice.random(), minutes=60) for _ in range(ORDERS - 1)]
    # The last waits for its customer's authentication, which ends by itself after a day.
    times = sorted(shop.now - age for age in [*ages, timedelta(minutes=30)])
    for number, at in enumerate(times):
        token, story = _plot(shop, number, at)
        order = _placed(shop, token, at=at)
        if order.was_paid:
            story(order, at)


def _plot(shop: Shop, number: int, at: datetime) -> tuple[str, Story]:
    """Choose a card and what becomes of the order. Set pieces come at fixed numbers, so that every badge is shown."""
    set_pieces: dict[int, tuple[str, Story]] = {
        ORDERS - 40: ("pm_card_pendingRefund", partial(_canceled, shop)),
        ORDERS - 30: ("pm_card_createDispute", partial(_canceled, shop)),
        ORDERS - 1: ("pm_card_authenticationRequired", _left),
        ORDERS - 10: ("pm_card_chargeDeclinedInsufficientFunds", _left),
        ORDERS - 5: ("pm_card_chargeDeclined", _left),
    }
    if number in set_pieces:
        return set_pieces[number]
    if shop.now - at < STILL_OPEN:
        return shop.dice.choice(GOOD), _left
    stories: list[tuple[Story, int]] = [
        (partial(_fulfilled, shop), 78),
        (partial(_canceled, shop), 8),
        (partial(_returned, shop), 6),
        (partial(_refunded_in_part, shop), 4),
    ]
    declined = shop.dice.random() < 0.04  # noqa: PLR2004 - what shops see
    token = "pm_card_chargeDeclined" if declined else shop.dice.choice(GOOD)
    return token, shop.dice.choices([story for story, _ in stories], [weight for _, weight in stories])[0]


def _placed(shop: Shop, token: str, *, at: datetime) -> Order:
    while True:
        try:
            return _ordered(shop, token, at=at)
        except OrderError as refused:
            if refused.code != "out_of_stock":  # somebody chooses something else, as happens in a shop
                raise


def _ordered(shop: Shop, token: str, *, at: datetime) -> Order:
    customer = shop.dice.choice(shop.customers)
    website = shop.dice.random() < 0.6  # noqa: PLR2004 - most orders come from the website
    by = Actor(kind=ActorKind.CUSTOMER, label=str(customer), user_id=customer.user_id) if website else None
    wanted = NewOrder(
        customer_id=customer.pk,
        items=_basket(shop),
        via=Order.PlacedVia.WEBSITE if website else Order.PlacedVia.STAFF,
        coupon_code=shop.dice.choices(("", "SAVE10", "WELCOME15", "FRIENDS100"), (80, 11, 8, 1))[0],
        address_id=customer.addresses.get().pk,
        token=token,
        save_card=shop.dice.random() < 0.3,  # noqa: PLR2004 - some keep their card
    )
    return place(new_order=wanted, by=by or shop.by(shop.dice.choice(("admin", "support", "manager"))), at=at)


def _basket(shop: Shop) -> tuple[LineRequest, ...]:
    currency = shop.dice.choices(("usd", "jpy", "kwd"), (78, 14, 8))[0]
    offered = [sku for sku in shop.skus if sku.currency == currency]
    chosen = shop.dice.sample(offered, shop.dice.choices((1, 2, 3), (60, 28, 12))[0] if len(offered) > 2 else 1)  # noqa: PLR2004
    return tuple(LineRequest(sku_id=sku.pk, quantity=shop.dice.choices((1, 2, 3), (75, 18, 7))[0]) for sku in chosen)


def _left(order: Order, _at: datetime) -> Order:
    return order


def _later(shop: Shop, at: datetime, *, days: float) -> datetime:
    return min(at + timedelta(days=days * (0.3 + shop.dice.random())), shop.now)


def _fulfilled(shop: Shop, order: Order, at: datetime) -> Order:
    sent = _later(shop, at, days=2)
    shipped = order.shipping_address is not None
    return fulfill(
        order_id=order.pk,
        by=shop.by("fulfillment"),
        at=sent,
        carrier=shop.dice.choice(CARRIERS) if shipped else "",
        tracking_number=f"{shop.dice.randrange(10**11, 10**12)}" if shipped else "",
    )


def _canceled(shop: Shop, order: Order, at: datetime) -> Order:
    then = _later(shop, at, days=1)
    canceled = cancel(order_id=order.pk, reason=shop.dice.choice(CANCELED_FOR), by=shop.by("support"), at=then)
    return _settled(canceled, at=then)


def _returned(shop: Shop, order: Order, at: datetime) -> Order:
    _fulfilled(shop, order, at)
    then = _later(shop, at, days=4)
    reason = shop.dice.choice(RETURNED_FOR)
    return _settled(
        return_order(order_id=order.pk, reason=reason, restock=True, by=shop.by("support"), at=then), at=then
    )


def _refunded_in_part(shop: Shop, order: Order, at: datetime) -> Order:
    _fulfilled(shop, order, at)
    then = _later(shop, at, days=4)
    item = order.items.order_by("pk")[0]
    try:
        begun = refund(
            order_id=order.pk, reason="One came damaged", by=shop.by("finance"), at=then, lines=[(item.pk, 1)]
        )
    except OrderError:
        return order  # its only item: that would be a return
    return _settled(begun, at=then)


def _settled(order: Order, *, at: datetime) -> Order:
    act = open_act(order)
    if act:
        execute_act(act=act, at=at)
    return order
