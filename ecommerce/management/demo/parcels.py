"""Parcels of the demo: tracking numbers as their carriers give them, a partly sent order, and one in two parcels."""

import random
import string
from datetime import datetime, timedelta

from customers.actors import Actor
from ecommerce.models import Order
from ecommerce.orders.fulfill import fulfill, fulfill_in_parcels
from ecommerce.orders.parcels import Parcel, left_to_send
from ecommerce.shipping.carriers import number_problem

# A digit for each #, and for each ? the one that makes the check digit right.
NUMBERS = {
    "DHL": "00340434###########?",
    "UPS": "1Z999AA101#######?",
    "FedEx": "7489#######?",
    "Royal Mail": "RB########?GB",
}
UNITS = 3  # of an order of which a part is sent


def tracking_number(rng: random.Random, carrier: str) -> str:
    number = "".join(rng.choice(string.digits) if char == "#" else char for char in NUMBERS[carrier])
    tried = (number.replace("?", digit) for digit in string.digits)
    return next(each for each in tried if not number_problem(carrier, each))


def send_parts(rng: random.Random, *, by: Actor, now: datetime) -> None:
    """Send a part of the order that has waited longest with several units, and the next one in two parcels."""
    partly, in_two = _waiting_orders()
    first, *_rest = left_to_send(list(partly.items.order_by("pk")))
    fulfill(
        order_id=partly.pk,
        items=[(first, 1)],
        carrier="UPS",
        tracking_number=tracking_number(rng, "UPS"),
        by=by,
        at=_soon_after(partly, now),
    )
    first, *_rest = left_to_send(list(in_two.items.order_by("pk")))
    parcels = [
        Parcel(items=[(first, 1)], carrier="DHL", tracking_numbers=[tracking_number(rng, "DHL")]),
        Parcel(carrier="DHL", tracking_numbers=[tracking_number(rng, "DHL"), tracking_number(rng, "DHL")]),
    ]
    fulfill_in_parcels(order_id=in_two.pk, parcels=parcels, by=by, at=_soon_after(in_two, now))


def _waiting_orders() -> list[Order]:
    waiting = Order.objects.paid().filter(attention="", money_state="", on_hold=False).order_by("pk")
    return [order for order in waiting if sum(left_to_send(list(order.items.all())).values()) >= UNITS][:2]


def _soon_after(order: Order, now: datetime) -> datetime:
    return min((order.paid_at or now) + timedelta(hours=3), now)
