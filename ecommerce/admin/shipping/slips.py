"""What stands on packing slips and pick lists."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from django.db.models import Prefetch
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from backoffice.barcodes import barcode_svg
from billing.money import format_money
from customers.postal_addresses import address_lines
from ecommerce.models import Fulfillment, FulfillmentItem, Order, OrderItem, Sku
from ecommerce.models.order_queryset import OrderQuerySet

Contents = list[tuple[OrderItem, int]]


@dataclass(frozen=True, slots=True)
class SlipLine:
    bin: str
    code: str
    description: str
    quantity: int
    unit_price: str


@dataclass(frozen=True, slots=True)
class Slip:
    """A page: what is in a parcel, or is to be put in one."""

    order: Order
    address: Sequence[str]
    instructions: str
    lines: Sequence[SlipLine]
    parcel: str = ""
    sent_before: str = ""
    changed: str = ""  # since it was printed, as a sentence

    @property
    def barcode(self) -> SafeString:
        return barcode_svg(self.order.number)

    @property
    def units(self) -> int:
        return sum(line.quantity for line in self.lines)


@dataclass(slots=True)
class Pick:
    bin: str
    code: str
    description: str
    image: str
    quantity: int = 0
    orders: list[str] = field(default_factory=list)

    @property
    def barcode(self) -> SafeString:
        return barcode_svg(self.code)


def with_contents(orders: OrderQuerySet) -> list[Order]:
    """Load orders with all that slips and pick lists say of them."""
    parcels = Fulfillment.objects.filter(voided_at=None).order_by("pk")
    contents = FulfillmentItem.objects.select_related("item").order_by("item_id")
    items = OrderItem.objects.select_related("sku__product").order_by("pk")
    return list(
        orders.select_related("customer", "printout")
        .prefetch_related(Prefetch("items", items), Prefetch("fulfillments", parcels))
        .prefetch_related(Prefetch("fulfillments__items", contents))
        .order_by("pk")
    )


def printed_slips(orders: Iterable[Order], changes: Mapping[int, str]) -> list[Slip]:
    """Return all slips of a printout; those that are wrong by now say so."""
    return [
        replace(slip, changed=_take_out(changes[order.pk]) if order.pk in changes else "")
        for order in orders
        for slip in slips_of(order)
    ]


def _take_out(what: str) -> str:
    sentence = _("Changed since it was printed: %(what)s. Take this slip out of the pile.")
    return sentence % {"what": what.rstrip(".")}


def slips_of(order: Order, parcel_ids: Sequence[int] = ()) -> Iterator[Slip]:
    """Yield the slip of what is left to send or, of an order that was sent, one for each parcel, or of these."""
    if order.status == Order.Status.PAID and not parcel_ids:
        left = contents_left(order)
        if left:
            yield _slip(order, left, sent_before=_sent_before(order))
        return
    parcels = list(order.fulfillments.all())
    for number, parcel in enumerate(parcels, 1):
        if parcel_ids and parcel.pk not in parcel_ids:
            continue
        words = _("Parcel %(number)d of %(count)d") % {"number": number, "count": len(parcels)}
        name = " · ".join(filter(None, [words if len(parcels) > 1 else "", parcel.carrier, parcel.tracking_number]))
        yield _slip(order, contents_of(parcel), parcel=name)


def contents_left(order: Order) -> Contents:
    return [(item, item.left_to_send) for item in order.items.all() if item.left_to_send]


def contents_of(parcel: Fulfillment) -> Contents:
    return [(each.item, each.quantity) for each in parcel.items.all()]


def _slip(order: Order, contents: Contents, **more: Any) -> Slip:
    address = order.shipping_address or {}
    lines = [
        SlipLine(
            bin_of(item.sku), item.sku_code, item.description, quantity, format_money(item.unit_price, order.currency)
        )
        for item, quantity in contents
    ]
    lines.sort(key=lambda line: (line.bin == "", line.bin, line.code))
    return Slip(order, address_lines(address), address.get("delivery_instructions", ""), lines, **more)


def _sent_before(order: Order) -> str:
    return ", ".join(f"{item.fulfilled} x {item.description}" for item in order.items.all() if item.fulfilled)


def pick_list(orders: Iterable[Order]) -> list[Pick]:
    """Sum up what is left to send of paid orders by SKU, in the order of bins and codes; without a SKU by the text."""
    picks = dict[tuple[str, str], Pick]()
    for order in orders:
        for item, quantity in contents_left(order) if order.status == Order.Status.PAID else ():
            key = (item.sku_code, "" if item.sku_code else item.description)
            pick = picks.setdefault(key, Pick(bin_of(item.sku), item.sku_code, item.description, image_of(item.sku)))
            pick.quantity += quantity
            pick.orders.append(order.number)
    return sorted(picks.values(), key=lambda pick: (pick.bin == "", pick.bin, pick.code, pick.description))


def bin_of(sku: Sku | None) -> str:
    return sku.bin if sku else ""


def image_of(sku: Sku | None) -> str:
    return (sku.image or sku.product.image) if sku else ""
