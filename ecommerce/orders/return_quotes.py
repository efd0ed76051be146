"""What the refund of a return gives back: the price of what arrived, the shipping if it is to, less the fees kept."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction

from django.utils.translation import gettext as _

from billing.models import InvoiceTax, RefundFee
from billing.money import format_money, is_on_step, off_step, round_to_step
from ecommerce.models import Order, Return
from ecommerce.orders.completion import all_came_back
from ecommerce.orders.errors import OrderError
from ecommerce.orders.refund_quotes import RefundQuote, quote_units
from ecommerce.pricing.refunds import Cells, nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Fee:
    """What is kept of a refund, in the minor unit with its tax: for restocking, or postage.

    `rate` is that of one of the order's taxes, or 0 for a fee that is not taxed. None is the rate of most of what goes
    back, and 0 where a line bears several taxes.
    """

    name: str
    amount: int
    rate: Decimal | None = None


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
    units = order_return.units_received()
    if not units:
        sentence = _("Nothing of return %(number)s has arrived: close it without a refund.")
        raise OrderError("nothing_received", sentence % {"number": order_return.number})
    if fees and order_return.is_withdrawal:
        raise OrderError("withdrawal_without_fees", _("A withdrawal from the contract bears no fees."), field="fees")
    quote = quote_units(order, units)
    if quote:
        shipping = shipping or (order_return.is_withdrawal and all_came_back(order))
        back = _shipping(order, order_return, quote) if shipping else nothing(quote.cells.left.shipping)
        quote = replace(quote, back=replace(quote.back, shipping=back))
        quote = replace(quote, fees=_fees(quote, fees, currency=order.currency))
    elif fees:
        raise OrderError("invalid_fees", _("Nothing was charged, so that no fee can be kept."), field="fees")
    return ReturnQuote(units=units, refund=quote)


def _shipping(order: Order, order_return: Return, quote: RefundQuote) -> Cells:
    left = quote.cells.left.shipping
    if not order_return.is_withdrawal or order.shipping_cheapest is None or order.shipping_cheapest >= order.shipping:
        return left
    invoice = quote.cells.invoice
    paid = invoice.shipping_net + invoice.shipping_tax
    owed = round_to_step(Fraction(paid * order.shipping_cheapest, order.shipping), order.currency)
    return left.part(max(min(left.total, owed - (paid - left.total)), 0), order.currency)


def _fees(quote: RefundQuote, fees: Sequence[Fee], *, currency: str) -> tuple[RefundFee, ...]:
    for fee in fees:
        if fee.amount <= 0 or not fee.name.strip():
            raise OrderError("invalid_fees", _("A fee has a name, and an amount above zero."), field="fees")
        if not is_on_step(fee.amount, currency):
            raise OrderError("invalid_fees", str(off_step(currency)), field="fees")
    if sum(fee.amount for fee in fees) > quote.back.total:
        sentence = _("The fees are more than what goes back, which is %(money)s.")
        raise OrderError("fees_too_large", sentence % {"money": format_money(quote.back.total, currency)}, field="fees")
    return tuple(_taxed(fee, _tax_of(fee, quote), currency=currency) for fee in fees)


def _taxed(fee: Fee, tax: InvoiceTax | None, *, currency: str) -> RefundFee:
    row = RefundFee(name=fee.name.strip()[:100], amount=fee.amount)
    if tax:
        row.invoice_tax, row.rate, row.category = tax, tax.rate, tax.category
        row.tax = round_to_step(fee.amount * Fraction(tax.rate) / (100 + Fraction(tax.rate)), currency)
    return row


def _tax_of(fee: Fee, quote: RefundQuote) -> InvoiceTax | None:
    if fee.rate == 0:
        return None
    if fee.rate is not None:
        taxes = [tax for of_line in quote.cells.taxes.values() for tax in of_line if tax.rate == fee.rate]
        if not taxes:
            sentence = _("None of the order's taxes is one of %(rate)s %%.") % {"rate": f"{fee.rate:f}"}
            raise OrderError("invalid_fees", sentence, field="fees")
        return taxes[0]
    return main_tax(quote)


def main_tax(quote: RefundQuote) -> InvoiceTax | None:
    """The tax of most of what goes back; None where nothing is taxed, or a line bears several taxes."""
    worth: dict[Decimal, int] = {}
    taxes: dict[Decimal, InvoiceTax] = {}
    for line, back in zip(quote.cells.lines, quote.back.items, strict=True):
        of_line = quote.cells.taxes.get(line.pk, [])
        if len(of_line) > 1:
            return None
        for tax in of_line:
            taxes.setdefault(tax.rate, tax)
            worth[tax.rate] = worth.get(tax.rate, 0) + back.goods
    most = max(worth, key=lambda rate: worth[rate], default=None)
    return taxes[most] if most is not None and worth[most] else None
