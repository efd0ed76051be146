"""What a withdrawal from the contract would do, item by item."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from django.utils.translation import gettext as _

from ecommerce.customer_requests import rules
from ecommerce.models import Order, OrderItem
from ecommerce.orders.allocations import read_cells
from ecommerce.orders.errors import OrderError
from ecommerce.orders.returns import returnable

Items = Sequence[tuple[int, int]]


class Means(StrEnum):
    """How the money of an item comes back: it was not sent, or it has to come back, or it can't come back."""

    CANCEL = "cancel"
    RETURN = "return"
    REFUND = "refund"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """So many units of an item, and how their money comes back."""

    item: OrderItem
    quantity: int
    means: Means

    @property
    def words(self) -> str:
        """The units and the item, as mails name them."""
        return f"{self.quantity} x {self.item.description}"


@dataclass(frozen=True, slots=True, kw_only=True)
class WithdrawalQuote:
    """`barred` are the items of which the law knows no withdrawal; `is_whole` whether nothing else is left."""

    order: Order
    parts: Sequence[Part]
    barred: Sequence[OrderItem]
    is_whole: bool
    ends_at: datetime | None

    def by(self, means: Means) -> Items:
        """The item ids and quantities whose money comes back so."""
        return [(part.item.pk, part.quantity) for part in self.parts if part.means == means]

    @property
    def cancels_all(self) -> bool:
        """Whether it is the cancellation of the whole order."""
        unsent = all(part.means == Means.CANCEL for part in self.parts)
        return self.is_whole and unsent and not any(item.fulfilled for item in self.order.items.all())


def quote_withdrawal(order: Order, items: Items | None, *, at: datetime) -> WithdrawalQuote:
    """Return what withdrawing from these items, or from all, would do; raise OrderError where it can't be."""
    ends_at = rules.withdrawal_end(order)
    _check_open(order, ends_at, at=at)
    left = _left(order)
    barred = [item for item in order.items.all() if item.withdrawal_exception and left.get(item.pk)]
    for item in barred:
        if items is not None and item.pk in dict(items):
            raise _excluded(item)
    free = {pk: parts for pk, parts in left.items() if pk not in {item.pk for item in barred}}
    parts = [part for each in free.values() for part in each] if items is None else _chosen(free, items)
    if not parts:
        raise _excluded(barred[0]) if barred else _nothing_left(order)
    is_whole = not barred and sum(part.quantity for part in parts) == sum(
        part.quantity for each in left.values() for part in each
    )
    return WithdrawalQuote(order=order, parts=parts, barred=barred, is_whole=is_whole, ends_at=ends_at)


def _check_open(order: Order, ends_at: datetime | None, *, at: datetime) -> None:
    if order.status in {Order.Status.CANCELED, Order.Status.RETURNED}:
        sentence = _("Order %(number)s is %(status)s: there is nothing to withdraw from.")
        raise _closed(sentence % {"number": order.number, "status": order.get_status_display().lower()})
    if rules.is_business(order):
        sentence = _("Order %(number)s was bought by a business: only consumers have a right to withdraw.")
        raise _closed(sentence % {"number": order.number})
    if ends_at and at >= ends_at:
        sentence = _("The %(days)d days for withdrawing from order %(number)s are over.")
        raise _closed(sentence % {"days": rules.WITHDRAWAL_DAYS, "number": order.number})


def _left(order: Order) -> dict[int, list[Part]]:
    """Return what can be withdrawn from, by item id: first what was not sent."""
    returnable_units = returnable(order)
    refundable = _refundable(order)
    return {item.pk: parts for item in order.items.all() if (parts := _parts(item, returnable_units, refundable))}


def _refundable(order: Order) -> dict[int, int]:
    """Return the units by item id that a fulfilled order can be refunded for without anything coming back."""
    digital = [item for item in order.items.all() if not item.shippable]
    if order.status != Order.Status.FULFILLED or order.invoice is None or not digital:
        return {}
    units = [cells.units for cells in read_cells(order.invoice).left.items]
    return {item.pk: left for item, left in zip(order.items.all(), units, strict=True) if not item.shippable}


def _parts(item: OrderItem, returnable_units: Mapping[int, int], refundable: Mapping[int, int]) -> list[Part]:
    counts = {
        Means.CANCEL: 0 if item.pk in refundable else item.left,
        Means.RETURN: returnable_units[item.pk],
        Means.REFUND: refundable.get(item.pk, 0),
    }
    return [Part(item=item, quantity=count, means=means) for means, count in counts.items() if count > 0]


def _chosen(left: Mapping[int, Sequence[Part]], items: Items) -> list[Part]:
    wanted = Counter[int]()
    for item_id, quantity in items:
        wanted[item_id] += quantity
    parts = []
    for item_id, quantity in wanted.items():
        rest = quantity
        for part in left.get(item_id, ()):
            taken = min(part.quantity, rest)
            rest -= taken
            parts += [Part(item=part.item, quantity=taken, means=part.means)] if taken > 0 else []
        if rest or quantity < 1:
            sentence = _("Choose items of this order, and no more of each than you can still withdraw from.")
            raise OrderError("invalid_items", sentence, field="items")
    return parts


def _closed(sentence: str) -> OrderError:
    return OrderError("withdrawal_closed", sentence)


def _excluded(item: OrderItem) -> OrderError:
    sentence = _("The law knows no withdrawal from %(item)s: %(why)s.")
    why = item.get_withdrawal_exception_display().lower()
    return OrderError("withdrawal_excluded", sentence % {"item": item.description, "why": why}, field="items")


def _nothing_left(order: Order) -> OrderError:
    sentence = _("Nothing is left of order %(number)s to withdraw from.")
    return OrderError("nothing_left", sentence % {"number": order.number})
