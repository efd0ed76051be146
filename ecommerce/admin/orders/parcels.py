"""The parcels of the order page: what is in each, its tracking as links, and what is still to be sent."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from ecommerce.admin.display import format_time
from ecommerce.models import Fulfillment, Order, OrderItem
from ecommerce.orders.parcels import in_words, left_to_send
from ecommerce.shipping.carriers import tracking_url

Status = Order.Status
TIMES = ("at", "delivered_at", "voided_at")


@dataclass(frozen=True, slots=True)
class TrackingLink:
    number: str
    url: str


@dataclass(frozen=True, slots=True)
class ParcelRow:
    """`voided` says who voided it, when and why. The links are empty for those who may not follow them."""

    number: int
    carrier: str
    tracking: Sequence[TrackingLink]
    content: str
    sent: str
    delivered: str
    voided: str
    correct_url: str
    delivery_url: str
    void_url: str
    slip_url: str


@dataclass(frozen=True, slots=True)
class SentParcel:
    """A parcel with what it holds, in quantities by item id."""

    row: Fulfillment
    held: Mapping[int, int]


def read_parcel(values: Mapping[str, Any]) -> SentParcel:
    """Read a parcel from JSON, which has times as text and numbers as keys."""
    times = {name: datetime.fromisoformat(values[name]) if values[name] else None for name in TIMES}
    columns = {name: value for name, value in values.items() if name != "held"}
    held = {int(item_id): quantity for item_id, quantity in (values["held"] or {}).items()}
    return SentParcel(Fulfillment(**columns | times), held)


def parcel_context(
    order: Order, items: Sequence[OrderItem], parcels: Sequence[SentParcel], user: Any
) -> dict[str, Any]:
    left = left_to_send(items) if order.status == Status.PAID else {}
    rows = [_row(number, parcel, order, items, user) for number, parcel in enumerate(parcels, 1)]
    return {"parcels": rows, "left_to_send": in_words(items, left)}


def _row(number: int, sent: SentParcel, order: Order, items: Sequence[OrderItem], user: Any) -> ParcelRow:
    parcel = sent.row
    is_valid = parcel.voided_at is None
    may_undo = (
        is_valid and order.status in {Status.PAID, Status.FULFILLED} and user.has_perm("ecommerce.undo_fulfillment")
    )
    may_correct = is_valid and user.has_perm("ecommerce.fulfill_order")
    may_record = is_valid and (may_correct or user.has_perm("ecommerce.handle_return"))
    return ParcelRow(
        number=number,
        carrier=parcel.carrier,
        tracking=[TrackingLink(each, tracking_url(parcel.carrier, each)) for each in parcel.tracking_numbers],
        content=in_words(items, sent.held),
        sent=_("%(when)s by %(who)s") % {"when": format_time(parcel.at), "who": parcel.by_label},
        delivered=format_time(parcel.delivered_at) if parcel.delivered_at else "",
        voided="" if is_valid else _voided(parcel),
        correct_url=_link("correct_tracking", order, parcel) if may_correct else "",
        delivery_url=_link("record_delivery", order, parcel) if may_record else "",
        void_url=_link("undo_fulfillment", order, parcel) if may_undo else "",
        slip_url=reverse("warehouse:parcel_slip", args=[parcel.pk]) if may_correct else "",
    )


def _voided(parcel: Fulfillment) -> str:
    when = format_time(parcel.voided_at) if parcel.voided_at else ""
    said = _("Void: it was not sent. %(when)s by %(who)s.") % {"when": when, "who": parcel.voided_by}
    return f"{said} {parcel.void_reason}".strip()


def _link(action: str, order: Order, parcel: Fulfillment) -> str:
    return f"{reverse(f'admin:ecommerce_order_{action}', args=[order.pk])}?parcel={parcel.pk}"


def item_state(item: OrderItem, order: Order) -> str:
    """What became of an item, where not all of it went the same way: "2 sent, 1 left to send, 1 canceled"."""
    parts = []
    if item.fulfilled and item.fulfilled < item.quantity:
        parts.append(_("%(units)d sent") % {"units": item.fulfilled})
    if item.left_to_send and order.fulfillment_state:
        parts.append(_("%(units)d left to send") % {"units": item.left_to_send})
    if item.canceled and order.status != Status.CANCELED:
        parts.append(_("%(units)d canceled") % {"units": item.canceled})
    if item.returned:
        parts.append(_("%(units)d came back") % {"units": item.returned})
    return ", ".join(parts)
