"""What the refund of a return gives back: the price of what arrived, the shipping if it is to, less the fees kept."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from django.utils.translation import gettext as _

from billing.money import round_to_step
from ecommerce.models import Order, Return
from ecommerce.orders.completion import all_came_back
from ecommerce.orders.errors import OrderError
from ecommerce.orders.refund_quotes import RefundQuote, quote_units
from ecommerce.pricing.refunds import Cells, nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Fee:
    """What is kept of a refund, in the minor unit with its tax: for restocking, or postage."""

    name: str
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnQuote:
    """What closing a return gives back: `units` that arrived by item id, and their refund, None of a free order."""

    units: dict[int, int]
    refund: RefundQuote | None


def quote_return(order_return: Return, *, shipping: bool = False, fees: Sequence[Fee] = ()) -> ReturnQuote:
    """Return what closing a return with a refund gives back; raise OrderError.

    A withdrawal bears no fees. One of the whole contract gives back the shipping as well, and none gives back more of
    it than the cheapest that was offered.
    """
    order = order_return.order
    units = units_received(order_return)
    if not units:
        sentence = _("Nothing of return %(number)s has arrived: close it without a refund.")
        raise OrderError("nothing_received", sentence % {"number": order_return.number})
    if fees and order_return.is_withdrawal:
        raise OrderError("withdrawal_without_fees", _("A withdrawal from the contract bears no fees."), field="fees")
    if fees:
        raise OrderError("invalid_fees", _("No fees can be kept of a refund."), field="fees")
    quote = quote_units(order, units)
    if quote:
        shipping = shipping or (order_return.is_withdrawal and all_came_back(order))
        back = _shipping(order, order_return, quote) if shipping else nothing(quote.cells.left.shipping)
        quote = replace(quote, back=replace(quote.back, shipping=back))
    return ReturnQuote(units=units, refund=quote)


def units_received(order_return: Return) -> dict[int, int]:
    """Return by item id how many units of a return have arrived, in whatever condition."""
    units = Counter[int]()
    for item_id, received in order_return.items.order_by("item").values_list("item", "received"):
        units[item_id] += received
    return dict(+units)


def _shipping(order: Order, order_return: Return, quote: RefundQuote) -> Cells:
    left = quote.cells.left.shipping
    if not order_return.is_withdrawal or order.shipping_cheapest is None or order.shipping_cheapest >= order.shipping:
        return left
    invoice = quote.cells.invoice
    paid = invoice.shipping_net + invoice.shipping_tax
    owed = round_to_step(Fraction(paid * order.shipping_cheapest, order.shipping), order.currency)
    return left.part(max(min(left.total, owed - (paid - left.total)), 0), order.currency)
