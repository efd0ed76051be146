"""What staff organize in the demo shop: tags, holds, assignees, notes with a mention, a corrected address."""

from datetime import timedelta
from typing import Any

from ecommerce.management.demo.orders import DemoShop
from ecommerce.models import Order, Tag
from ecommerce.notes import add_note
from ecommerce.orders.address import correct_address
from ecommerce.orders.assign import assign
from ecommerce.orders.hold import hold
from ecommerce.orders.tags import tag

COLOURS = {"VIP": Tag.Colour.PURPLE, "fragile": Tag.Colour.ORANGE, "gift": Tag.Colour.GREEN, "B2B": Tag.Colour.BLUE}
TAGGED = (("VIP",), ("fragile",), ("gift", "fragile"), ("VIP", "gift"), ("B2B",), ("fragile",))


def organize_orders(shop: DemoShop) -> None:
    """Of the newest paid orders, all of which are still to be sent."""
    Tag.objects.bulk_create(Tag(name=name, colour=colour) for name, colour in COLOURS.items())
    waiting = Order.objects.paid().filter(on_hold=False, attention="").order_by("-pk")
    orders = list(waiting[: len(TAGGED)])
    support, manager = shop.by("support"), shop.by("manager")
    for order, names in zip(orders, TAGGED, strict=False):
        tag(order_id=order.pk, add=names, by=support, at=shop.now)
    for order, role in zip(orders, ("support", "fulfillment", "manager"), strict=False):
        assign(order_id=order.pk, assignee_id=shop.staff[role].pk, by=manager, at=shop.now)
    asked, held = orders[0], orders[1]
    text = "The customer asks for a delivery after 17:00. @fulfillment, can the carrier do that?"
    add_note(order_id=asked.pk, text=text, by=support, at=shop.now)
    until = shop.now + timedelta(days=2)
    hold(order_id=held.pk, reason="Waits for the customer's answer", until=until, by=support, at=shop.now)
    _correct_one(shop, orders)


def _correct_one(shop: DemoShop, orders: list[Order]) -> None:
    order = next(each for each in orders if each.shipping_address)
    address: Any = {**(order.shipping_address or {}), "line2": "Back door"}
    correct_address(order_id=order.pk, address=address, reason="Asked by phone", by=shop.by("support"), at=shop.now)
