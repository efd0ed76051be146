"""Packing slips and pick lists: which orders are printed, by whom and when, and what has changed since."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, F, Max, OuterRef, Q
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from customers.actors import Actor
from ecommerce.models import Order, OrderAct, OrderEvent, OrderItem, Printout
from ecommerce.models.order_queryset import OrderQuerySet

MOST = 500  # orders of one printout
RECENT = timedelta(days=7)
Kind = OrderEvent.Kind
CHANGES: dict[str, str | Promise] = {
    Kind.ADDRESS_CHANGED: gettext_lazy("the address was corrected"),
    Kind.ITEMS_CANCELED: gettext_lazy("items were canceled"),
    Kind.PARTLY_FULFILLED: gettext_lazy("a parcel has left"),
    Kind.FULFILLMENT_UNDONE: gettext_lazy("a parcel was taken back"),
    Kind.CANCEL_REQUESTED: gettext_lazy("it is being canceled"),
    Kind.CANCELED: gettext_lazy("it was canceled"),
}
"""What makes a slip of before wrong."""


class TooMany(ValueError):
    """More orders than one printout holds."""


@dataclass(frozen=True, slots=True)
class Printed:
    """`printout` is None where nothing was to print; `left_out` are sentences."""

    printout: Printout | None
    left_out: Sequence[str]


def to_pack() -> OrderQuerySet:
    """Paid orders with something to send, that nothing holds up."""
    left = OrderItem.objects.filter(order=OuterRef("pk"), shippable=True, quantity__gt=F("fulfilled") + F("canceled"))
    open_act = OrderAct.objects.filter(order=OuterRef("pk"), closed_at=None)
    return Order.objects.paid().filter(Exists(left), ~Exists(open_act), on_hold=False, attention="")


def print_orders(*, orders: OrderQuerySet, prices: bool, by: Actor, at: datetime) -> Printed:
    """Note that these orders are printed, as far as there is something to pack; raise TooMany."""
    ids = list(orders.order_by("pk").values_list("pk", flat=True)[: MOST + 1])
    if len(ids) > MOST:
        raise TooMany
    with transaction.atomic():
        locked = list(Order.objects.locked().with_ids(ids).prefetch_related("items", "fulfillments"))
        refused = {order.pk: why for order in locked if (why := why_not_printed(order))}
        printed = [order.pk for order in locked if order.pk not in refused]
        if not printed:
            return Printed(None, list(refused.values()))
        # By key, not by time: whoever waits for these locks may have read the clock before this did.
        last = OrderEvent.objects.aggregate(Max("pk"))["pk__max"] or 0
        printout = Printout.objects.create(at=at, order_ids=printed, prices=prices, last_event_id=last, **by.columns)
        Order.objects.with_ids(printed).update(printout=printout)
    return Printed(printout, list(refused.values()))


def why_not_printed(order: Order) -> str:
    """Return a sentence; empty for an order that is packed, and for one that was sent."""
    if order.status == Order.Status.PAID and (trouble := held_up(order)):
        return f"{order.number} {trouble}"
    if order.status not in {Order.Status.PAID, Order.Status.FULFILLED}:
        values = {"number": order.number, "status": order.get_status_display().lower()}
        return _("%(number)s is %(status)s.") % values
    return "" if _has_contents(order) else _("%(number)s has nothing to pack.") % {"number": order.number}


def held_up(order: Order) -> str:
    """Say why a paid order is not packed now, as the end of a sentence; empty where it is."""
    if order.on_hold:
        return (
            _("is on hold: %(why)s.") % {"why": order.hold_reason.rstrip(".")}
            if order.hold_reason
            else _("is on hold.")
        )
    return _("needs attention: %(why)s") % {"why": order.attention} if order.attention else ""


def _has_contents(order: Order) -> bool:
    if order.status == Order.Status.FULFILLED:
        return any(parcel.voided_at is None for parcel in order.fulfillments.all())
    return any(item.left_to_send for item in order.items.all())


def changes_since(orders: Iterable[Order]) -> dict[int, str]:
    """Say of each order, by its id, what makes its slip wrong; those whose slips are right are not in it."""
    printed = {order.pk: order for order in orders if order.printout}
    events = OrderEvent.objects.filter(order__in=printed, kind__in=CHANGES, pk__gt=F("order__printout__last_event_id"))
    found = dict[int, list[str]]()
    for event in events.order_by("pk"):
        said = _("%(what)s by %(who)s") % {"what": CHANGES[event.kind], "who": event.by_label}
        found.setdefault(event.order_id, []).append(said)
    for order in printed.values():
        if order.status == Order.Status.PAID and (trouble := held_up(order)):
            found.setdefault(order.pk, []).append(_("it %(trouble)s") % {"trouble": trouble})
    return {pk: "; ".join(said) for pk, said in found.items()}


def changes_on_paper(orders: Iterable[Order]) -> dict[int, str]:
    """As `changes_since`, for the orders of a printout: the slips of what was wholly sent are not used any more."""
    return changes_since(order for order in orders if order.status != Order.Status.FULFILLED)


def changed_since_printed(*, at: datetime) -> list[Order]:
    """Return the paid orders of the last days' printouts whose slips are wrong by now."""
    ids: set[int] = set()
    for printout in Printout.objects.filter(at__gt=at - RECENT).only("order_ids"):
        ids.update(printout.order_ids)
    event = OrderEvent.objects.filter(
        order=OuterRef("pk"), kind__in=CHANGES, pk__gt=OuterRef("printout__last_event_id")
    )
    changed = Exists(event) | Q(on_hold=True) | ~Q(attention="")
    orders = Order.objects.paid().with_ids(sorted(ids)).filter(changed, printout__isnull=False)
    return list(orders.select_related("printout").order_by("pk")[:MOST])
