"""Scan to pack: each item of an order is scanned, a wrong or surplus one stops, and the parcel leaves with the last."""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from customers.actors import Actor
from ecommerce.models import Order, OrderItem, Packing
from ecommerce.orders.errors import OrderError
from ecommerce.orders.fulfill import check_fulfillable, fulfill
from ecommerce.orders.selectors import open_act


def find_order(code: str) -> Order:
    """The order of a scanned or typed number; raise OrderError."""
    number = code.strip().lstrip("#")[:60]
    order = Order.objects.filter(number=number).first()
    if order is None:
        sentence = _("There is no order %(number)s. Scan the barcode of a packing slip.") % {"number": number}
        raise OrderError("unknown_order", sentence)
    return order


def start(*, order_id: int, by: Actor) -> Packing:
    """Begin to pack an order, or go on with it; raise OrderError.

    Where somebody else packs it, theirs is returned, and the caller tells.
    """
    order = Order.objects.get(pk=order_id)
    check_fulfillable(order, open_act(order))
    if not any(item.left_to_send for item in order.items.all()):
        sentence = _("Order %(number)s has nothing to pack.") % {"number": order.number}
        raise OrderError("nothing_to_pack", sentence)
    packing, _made = Packing.objects.get_or_create(order=order, defaults=by.columns)
    return packing


def take_over(*, order_id: int, by: Actor) -> Packing:
    """Go on with what somebody else began."""
    with transaction.atomic():
        packing = _locked(order_id)
        for name, value in by.columns.items():
            setattr(packing, name, value)
        packing.save(update_fields=list(by.columns))
    return packing


def put_aside(*, order_id: int) -> None:
    """Forget what was scanned of an order: nothing of it left."""
    Packing.objects.filter(order=order_id).delete()


def scan(*, order_id: int, code: str, by: Actor) -> Packing:
    """Count an item; what is not to be in the parcel raises the alarm. Raise OrderError."""
    with transaction.atomic():
        packing = _own(order_id, by)
        if packing.alarm:
            return packing
        own = list(OrderItem.objects.filter(order=order_id).order_by("pk"))
        lines = [item for item in own if is_code_of(item, code)]
        free = next((item for item in lines if counted(packing, item) < item.left_to_send), None)
        if free:
            packing.counts[str(free.pk)] = counted(packing, free) + 1
        else:
            packing.alarm = _alarm(code, lines)[:300]
        packing.save(update_fields=["counts", "alarm"])
    return packing


def acknowledge(*, order_id: int, by: Actor) -> Packing:
    """End the alarm: what raised it was put away."""
    with transaction.atomic():
        packing = _own(order_id, by)
        packing.alarm = ""
        packing.save(update_fields=["alarm"])
    return packing


def finish(*, order_id: int, carrier: str, tracking_number: str, by: Actor, at: datetime) -> Order:
    """Send what was scanned as a parcel; raise OrderError."""
    with transaction.atomic():
        Order.objects.locked().get(pk=order_id)  # before the packing, as everywhere
        packing = _own(order_id, by)
        if packing.alarm:
            raise OrderError("alarm", packing.alarm)
        items = [(int(pk), count) for pk, count in packing.counts.items()]
        order = fulfill(order_id=order_id, items=items, carrier=carrier, tracking_number=tracking_number, by=by, at=at)
        packing.delete()
    return order


def is_code_of(item: OrderItem, code: str) -> bool:
    """Whether a scanned code is an item's; a line without a SKU is counted by its key."""
    wanted = code.strip().casefold()
    return wanted == (item.sku_code.casefold() or f"line {item.pk}")


def counted(packing: Packing, item: OrderItem) -> int:
    """How many units of an item were scanned."""
    return int(packing.counts.get(str(item.pk), 0))


def is_complete(packing: Packing, items: Sequence[OrderItem]) -> bool:
    """Whether all that is left to send was scanned."""
    return all(counted(packing, item) == item.left_to_send for item in items)


def _alarm(code: str, lines: Sequence[OrderItem]) -> str:
    values = {"code": code.strip()[:100], "item": lines[0].description if lines else ""}
    if any(item.left_to_send for item in lines):
        return _("One too many: %(item)s (%(code)s) is complete already. Take this one out.") % values
    if lines:
        return _("%(item)s (%(code)s) is not to be sent any more. Take it out.") % values
    return _("Wrong item: %(code)s is not in this order. Take it out.") % values


def _own(order_id: int, by: Actor) -> Packing:
    packing = _locked(order_id)
    if packing.by_user_id != by.user_id:
        sentence = _("%(who)s packs this order now. Nothing was counted.")
        raise OrderError("packed_by_another", sentence % {"who": packing.by_label})
    return packing


def _locked(order_id: int) -> Packing:
    packing = Packing.objects.select_for_update().filter(order=order_id).first()
    if packing is None:
        raise OrderError("not_packing", _("This order is not being packed any more: scan its slip again."))
    return packing
