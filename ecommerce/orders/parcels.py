"""What is in the parcels of an order: chosen, written, and described."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from customers.actors import Actor
from ecommerce.models import Fulfillment, FulfillmentItem, Order, OrderEvent, OrderItem
from ecommerce.orders.errors import OrderError
from ecommerce.shipping.carriers import carrier_name, normalize_number

Content = Mapping[int, int]  # quantities by item id
MAX_NUMBER_LENGTH = 100
MAX_NUMBERS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """A parcel that is to leave. `items` are pairs of an item's id and a quantity; None is all that is left.

    Without a carrier, it is guessed from the first number.
    """

    items: Sequence[tuple[int, int]] | None = None
    carrier: str = ""
    tracking_numbers: Sequence[str] = field(default=())

    @property
    def label(self) -> dict[str, Any]:
        """The columns of a `Fulfillment`, with names and numbers written as the carriers do."""
        return label(self.carrier, self.tracking_numbers)


def label(carrier: str, tracking_numbers: Sequence[str]) -> dict[str, Any]:
    """Carrier and numbers as columns of a `Fulfillment`; raise OrderError."""
    numbers = list(dict.fromkeys(filter(None, map(normalize_number, tracking_numbers))))
    name = carrier_name(carrier, numbers)
    if len(numbers) > MAX_NUMBERS or any(len(number) > MAX_NUMBER_LENGTH for number in (*numbers, name)):
        sentence = _("A parcel has at most %(numbers)d tracking numbers, of at most %(length)d characters each.")
        values = {"numbers": MAX_NUMBERS, "length": MAX_NUMBER_LENGTH}
        raise OrderError("invalid_tracking_number", sentence % values, field="tracking_number")
    return {"carrier": name, "tracking_number": "".join(numbers[:1]), "further_tracking_numbers": numbers[1:]}


def left_to_send(own: Sequence[OrderItem]) -> dict[int, int]:
    """How many units of each item are still to be sent, by its id."""
    return {item.pk: item.left_to_send for item in own if item.left_to_send}


def contents(order: Order, own: Sequence[OrderItem], parcels: Sequence[Parcel]) -> list[Content]:
    """Return what each parcel holds; raise OrderError where that is not left to send."""
    left = Counter(left_to_send(own))
    found: list[Content] = []
    is_shipped = bool(left)
    for parcel in parcels:
        content = +left if parcel.items is None else _chosen(own, parcel.items)
        if is_shipped and not content:
            break
        for item in own:
            if content[item.pk] > left[item.pk]:
                raise _too_many(item, content[item.pk], left[item.pk])
        left -= content
        found.append(content)
    if not parcels or len(found) < len(parcels):
        sentence = _("Choose what of order %(number)s is in each parcel.") % {"number": order.number}
        raise OrderError("invalid_items", sentence, field="items")
    return found


def _chosen(own: Sequence[OrderItem], items: Sequence[tuple[int, int]]) -> Counter[int]:
    ids, content = {item.pk for item in own}, Counter[int]()
    for item_id, quantity in items:
        if item_id not in ids or quantity < 1:
            raise OrderError("invalid_items", _("Choose items of this order, and how many of each."), field="items")
        content[item_id] += quantity
    return content


def _too_many(item: OrderItem, wanted: int, left: int) -> OrderError:
    sentence = _("Of %(item)s, %(left)d are left to send, not %(wanted)d.") % {
        "item": item.description,
        "left": left,
        "wanted": wanted,
    }
    return OrderError("invalid_items", sentence, field="items")


def send(order: Order, parcel: Parcel, content: Content, *, by: Actor, at: datetime) -> Fulfillment | None:
    """Write a parcel; None where nothing is shipped, unless somebody says how it went."""
    columns = parcel.label
    if not content and not any(columns.values()):
        return None
    sent = Fulfillment.objects.create(order=order, at=at, **columns, **by.columns)
    FulfillmentItem.objects.bulk_create(
        FulfillmentItem(fulfillment=sent, item_id=item_id, quantity=quantity) for item_id, quantity in content.items()
    )
    return sent


def in_words(own: Sequence[OrderItem], content: Content) -> str:
    """Say what a parcel holds: "2 x Mug, 1 x Shirt"."""
    return ", ".join(f"{content[item.pk]} x {item.description}" for item in own if content.get(item.pk))


def left_fingerprint(own: Sequence[OrderItem]) -> str:
    """What is left to send, as a form carries it: where it is another one meanwhile, the form is out of date."""
    return ",".join(f"{item_id}:{quantity}" for item_id, quantity in sorted(left_to_send(own).items()))


def last_change(order: Order) -> OrderEvent | None:
    """The last event that changed what is left to send."""
    kinds = (
        OrderEvent.Kind.PARTLY_FULFILLED,
        OrderEvent.Kind.FULFILLED,
        OrderEvent.Kind.FULFILLMENT_UNDONE,
        OrderEvent.Kind.ITEMS_CANCELED,
        OrderEvent.Kind.CANCELED,
    )
    return order.events.filter(kind__in=kinds).order_by("-pk").first()
