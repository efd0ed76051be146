"""How much of an order each kind of refund gives back, cell by cell. No ORM, no clock, no floats.

A cell is the price without taxes, or one tax, of an item or of the shipping. No cell ever gives back more than it
holds, and all refunds of an order together give back exactly what each cell held.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from billing import money
from ecommerce.pricing.allocation import allocate
from ecommerce.pricing.errors import InvalidQuantity, RefundTooLarge


@dataclass(frozen=True, slots=True, kw_only=True)
class Cells:
    """What is left of an item or of the shipping: the price without taxes, each tax, and the units."""

    goods: int
    taxes: tuple[int, ...] = ()
    units: int = 0

    @property
    def total(self) -> int:
        """The price with its taxes."""
        return self.goods + sum(self.taxes)

    def part(self, amount: int, currency: str, *, units: int = 0) -> "Cells":
        """Return an amount of this, spread over the cells in proportion to what is left of them."""
        held = (self.goods, *self.taxes)
        goods, *taxes = allocate(amount, held, currency, at_most=held)
        return Cells(goods=goods, taxes=tuple(taxes), units=units)

    def holds(self, other: "Cells") -> bool:
        """Whether all of another is in it, cell by cell."""
        taxes = all(mine >= theirs for mine, theirs in zip(self.taxes, other.taxes, strict=True))
        return taxes and self.goods >= other.goods and self.units >= other.units

    def less(self, other: "Cells") -> "Cells":
        """Return what is left after a refund of `other`."""
        taxes = tuple(mine - theirs for mine, theirs in zip(self.taxes, other.taxes, strict=True))
        return Cells(goods=self.goods - other.goods, taxes=taxes, units=self.units - other.units)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderCells:
    """What is left of an order's items and shipping, or what one refund gives back of them."""

    items: tuple[Cells, ...]
    shipping: Cells

    @property
    def total(self) -> int:
        """All money in it, in the minor unit."""
        return sum(item.total for item in self.items) + self.shipping.total

    def holds(self, other: "OrderCells") -> bool:
        """Whether all of another is in it, cell by cell."""
        items = zip(self.items, other.items, strict=True)
        return all(mine.holds(theirs) for mine, theirs in items) and self.shipping.holds(other.shipping)

    def less(self, other: "OrderCells") -> "OrderCells":
        """Return what is left after a refund of `other`."""
        items = tuple(mine.less(theirs) for mine, theirs in zip(self.items, other.items, strict=True))
        return OrderCells(items=items, shipping=self.shipping.less(other.shipping))


def refund_of_items(left: OrderCells, quantities: Mapping[int, int], *, currency: str) -> OrderCells:
    """Return the refund of some units, by the items' places; raise InvalidQuantity where fewer are left."""
    items = [nothing(item) for item in left.items]
    for place, quantity in quantities.items():
        item = left.items[place]
        if not 1 <= quantity <= item.units:
            sentence = _("{left} are left to refund, not {wanted}.")
            raise InvalidQuantity(format_lazy(sentence, left=item.units, wanted=quantity))
        # A unit is worth what is left of the item by the units left.
        amount = money.round_to_step(Fraction(item.total * quantity, item.units), currency)
        items[place] = item.part(amount, currency, units=quantity)
    return OrderCells(items=tuple(items), shipping=nothing(left.shipping))


def refund_of_shipping(left: OrderCells) -> OrderCells:
    """Return the refund of all that is left of the shipping; raise RefundTooLarge where nothing is."""
    if not left.shipping.total:
        raise RefundTooLarge(_("Nothing is left of the shipping to refund."))
    return OrderCells(items=tuple(nothing(item) for item in left.items), shipping=left.shipping)


def refund_of_amount(left: OrderCells, amount: int, *, currency: str) -> OrderCells:
    """Return the refund of an amount: of the goods in proportion, of the shipping once no goods are left."""
    if not 0 < amount <= left.total:
        sentence = _("At most {left} can be refunded, not {wanted}.")
        shown = money.format_money(left.total, currency)
        raise RefundTooLarge(format_lazy(sentence, left=shown, wanted=money.format_money(amount, currency)))
    totals = [item.total for item in left.items]
    of_goods = min(amount, sum(totals))
    shares = allocate(of_goods, totals, currency, at_most=totals)
    items = tuple(item.part(share, currency) for item, share in zip(left.items, shares, strict=True))
    return OrderCells(items=items, shipping=left.shipping.part(amount - of_goods, currency))


def refund_of_rest(left: OrderCells) -> OrderCells:
    """Return the refund of all that is left; raise RefundTooLarge where nothing is."""
    if not left.total:
        raise RefundTooLarge(_("Nothing is left to refund."))
    return left


def nothing(cells: Cells) -> Cells:
    """Return an empty refund of an item or of the shipping."""
    return Cells(goods=0, taxes=(0,) * len(cells.taxes))
