"""What a refund gives back: of an amount, of items, of the shipping, or all that is left; nothing is written."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from django.utils.translation import gettext as _

from billing.models import Payment, RefundFee
from billing.money import format_money, is_on_step, off_step
from ecommerce.models import Order
from ecommerce.orders.allocations import InvoiceCells, read_cells
from ecommerce.orders.errors import OrderError, from_pricing_error
from ecommerce.orders.selectors import succeeded_payment
from ecommerce.pricing.errors import PricingError
from ecommerce.pricing.refunds import (
    OrderCells,
    refund_of_amount,
    refund_of_items,
    refund_of_rest,
    refund_of_shipping,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundRequest:
    """What a refund is to give back: an amount in the minor unit, or lines, or the shipping, or all that is left.

    `lines` are pairs of item id and quantity; they may be given together with `shipping`. `key` makes it idempotent:
    the same key on an order refunds once.
    """

    amount: int | None = None
    lines: Sequence[tuple[int, int]] = ()
    shipping: bool = False
    rest: bool = False
    key: str = ""

    @property
    def fingerprint(self) -> str:
        """A SHA-256 of what is requested; the same key with another one is a conflict."""
        contents = [self.amount, sorted(map(list, self.lines)), self.shipping, self.rest]
        return hashlib.sha256(json.dumps(contents).encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundQuote:
    """What a refund would give back, of the payment to be refunded, and what is kept of it: unsaved fees."""

    payment: Payment
    cells: InvoiceCells
    back: OrderCells
    fees: tuple[RefundFee, ...] = ()

    @property
    def total(self) -> int:
        """The amount that is sent back, in the minor unit."""
        return self.back.total - sum(fee.amount for fee in self.fees)


def quote_refund(order: Order, request: RefundRequest) -> RefundQuote:
    """Return what a refund would give back, line by line; raise OrderError."""
    payment = succeeded_payment(order)
    if payment is None or order.invoice is None:
        sentence = _("Nothing was charged for this order, so that nothing can be refunded.")
        raise OrderError("nothing_charged", sentence)
    cells = read_cells(order.invoice)
    try:
        back = _cells_of(order, request, cells.left)
    except PricingError as error:
        raise from_pricing_error(error) from error
    if not back.total:
        raise OrderError("invalid_items", _("Nothing is left to refund of what was chosen."), field="items")
    return RefundQuote(payment=payment, cells=cells, back=back)


def quote_units(order: Order, units: Mapping[int, int]) -> RefundQuote | None:
    """Return what units of items give back, by item id, of those whose price was not given back before.

    None where nothing was charged. Raise OrderError on an item of another order.
    """
    payment = succeeded_payment(order)
    if payment is None or order.invoice is None:
        return None
    cells = read_cells(order.invoice)
    left = cells.left
    places = places_of(order, units.items())
    wanted = {place: min(quantity, left.items[place].units) for place, quantity in places.items()}
    some = {place: quantity for place, quantity in wanted.items() if quantity}
    return RefundQuote(payment=payment, cells=cells, back=refund_of_items(left, some, currency=order.currency))


def _cells_of(order: Order, request: RefundRequest, left: OrderCells) -> OrderCells:
    if request.rest:
        return refund_of_rest(left)
    if request.amount is not None:
        _check_amount(order, request.amount, left.total)
        return refund_of_amount(left, request.amount, currency=order.currency)
    if not request.lines:
        if request.shipping:
            return refund_of_shipping(left)
        raise OrderError("invalid_items", _("Choose items of this order, its shipping, or an amount."), field="items")
    back = refund_of_items(left, places_of(order, request.lines), currency=order.currency)
    return replace(back, shipping=refund_of_shipping(left).shipping) if request.shipping else back


def places_of(order: Order, lines: Iterable[tuple[int, int]]) -> Counter[int]:
    """Return the quantities by the place of the item: an order's items and its invoice's lines have the same order.

    Raise OrderError on an item of another order.
    """
    place_of = {pk: place for place, pk in enumerate(order.items.order_by("pk").values_list("pk", flat=True))}
    places = Counter[int]()
    for item_id, quantity in lines:
        if item_id not in place_of:
            raise OrderError("invalid_items", _("Choose items of this order."), field="items")
        places[place_of[item_id]] += quantity
    return places


def _check_amount(order: Order, amount: int, left: int) -> None:
    money = format_money(left, order.currency)
    if not is_on_step(amount, order.currency):
        raise OrderError("invalid_amount", str(off_step(order.currency)), field="amount")
    if amount <= 0:
        sentence = _("Give an amount above zero: %(left)s can still be refunded.") % {"left": money}
        raise OrderError("invalid_amount", sentence, field="amount")
    if amount > left:
        sentence = _("At most %(left)s can still be refunded.") % {"left": money}
        raise OrderError("amount_too_large", sentence, field="amount")
