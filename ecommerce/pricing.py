"""What an order costs and what a return gives back: arithmetic alone, in minor units. No ORM, no clock, no float."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from itertools import starmap
from typing import ClassVar

from django.utils.functional import Promise
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from billing import money

MAX_LINES = 25
MAX_QUANTITY = 999


class PricingError(Exception):
    """What was asked for can't be priced. `code` and `field` are for programs, `message` is a sentence for people."""

    code: ClassVar[str]
    field: ClassVar[str] = "items"

    def __init__(self, sentence: str | Promise) -> None:
        super().__init__(sentence)

    @property
    def message(self) -> str:
        """Give the sentence in the language of whoever reads it now."""
        return str(self)


class ItemsRequired(PricingError):
    """Nothing was ordered."""

    code = "items_required"


class TooManyItems(PricingError):
    """More lines than an order may have."""

    code = "too_many_items"


class MixedCurrencies(PricingError):
    """The SKUs don't share one currency."""

    code = "mixed_currencies"


class InvalidQuantity(PricingError):
    """A quantity outside of what may be ordered, or of what is left to return."""

    code = "invalid_quantity"


class CouponCurrencyMismatch(PricingError):
    """A coupon takes off an amount of another currency."""

    code = "invalid_coupon"
    field = "coupon_code"


class AmountTooLarge(PricingError):
    """More than Stripe charges at once."""

    code = "amount_too_large"


class AmountTooSmall(PricingError):
    """Less than Stripe charges in this currency, and not nothing."""

    code = "amount_too_small"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """So many of one SKU."""

    sku_id: int
    unit_price: int
    quantity: int

    @property
    def amount(self) -> int:
        """Give the price of the whole line, before any discount."""
        return self.unit_price * self.quantity


@dataclass(frozen=True, slots=True, kw_only=True)
class CouponTerms:
    """What a coupon takes off: a percentage, or an amount of one currency; raise ValueError on anything else."""

    code: str
    percent_off: Decimal | None = None
    amount_off: int | None = None
    currency: str | None = None

    def __post_init__(self) -> None:
        if self.percent_off is not None:
            sound = self.amount_off is None and 0 < self.percent_off <= 100  # noqa: PLR2004 - per cent
        else:
            sound = self.amount_off is not None and self.amount_off > 0 and bool(self.currency)
        if not sound:
            raise ValueError(f"Coupon {self.code} takes off either 0 to 100 percent or an amount with its currency.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """The sums of an order. `amounts` are those of its lines, in their order, before the discount."""

    currency: str
    amounts: tuple[int, ...]
    subtotal: int
    discount: int
    shipping: int
    tax: int
    total: int


def one_currency(codes: Iterable[str]) -> str:
    """Give the currency that all the SKUs share; raise MixedCurrencies, ItemsRequired or UnsupportedCurrency."""
    distinct = sorted({money.currency(code).code for code in codes})
    if not distinct:
        raise ItemsRequired(_("Choose at least one item."))
    if len(distinct) > 1:
        named = ", ".join(code.upper() for code in distinct)
        sentence = _("The items of one order share one currency; these are in {named}.")
        raise MixedCurrencies(format_lazy(sentence, named=named))
    return distinct[0]


def price(
    lines: Sequence[Line], *, currency: str, coupon: CouponTerms | None = None, shipping: int = 0, tax: int = 0
) -> Totals:
    """Price an order; raise a PricingRefused, or ValueError where a price is off the step."""
    _check_lines(lines)
    amounts = tuple(line.amount for line in lines)
    _check_steps(currency, *(line.unit_price for line in lines), shipping, tax)
    subtotal = sum(amounts)
    discount = _discount(subtotal, coupon, currency) if coupon else 0
    total = subtotal - discount + shipping + tax
    _check_bounds(subtotal, total, currency)
    return Totals(
        currency=money.currency(currency).code,
        amounts=amounts,
        subtotal=subtotal,
        discount=discount,
        shipping=shipping,
        tax=tax,
        total=total,
    )


def _check_lines(lines: Sequence[Line]) -> None:
    if not lines:
        raise ItemsRequired(_("Choose at least one item."))
    if len(lines) > MAX_LINES:
        sentence = _("An order has at most {most} lines; this one has {count}.")
        raise TooManyItems(format_lazy(sentence, most=MAX_LINES, count=len(lines)))
    for line in lines:
        if not 1 <= line.quantity <= MAX_QUANTITY:
            sentence = _("A quantity is a whole number from 1 to {most}, not {quantity}.")
            raise InvalidQuantity(format_lazy(sentence, most=MAX_QUANTITY, quantity=line.quantity))


def _check_steps(currency: str, *amounts: int) -> None:
    for amount in amounts:
        if amount < 0 or not money.is_on_step(amount, currency):
            raise ValueError(f"{amount} is no amount of {currency.upper()}: it is below zero or off the step.")


def _discount(subtotal: int, coupon: CouponTerms, currency: str) -> int:
    if coupon.percent_off is not None:
        exact = subtotal * Fraction(coupon.percent_off) / 100
    elif money.currency(coupon.currency or "") == money.currency(currency):
        exact = Fraction(coupon.amount_off or 0)
    else:
        sentence = _("Coupon {code} takes off an amount in {theirs}; this order is in {ours}.")
        theirs = (coupon.currency or "").upper()
        raise CouponCurrencyMismatch(
            format_lazy(sentence, code=coupon.code, theirs=theirs, ours=currency.upper()),
        )
    return min(money.round_to_step(exact, currency), subtotal)


def _check_bounds(subtotal: int, total: int, currency: str) -> None:
    # The subtotal too: it is stored, and stands on the invoice, however much a coupon takes off.
    highest = max(subtotal, total)
    if highest > money.MAX_AMOUNT:
        sentence = _("The order comes to {amount}; at most {most} can be charged at once.")
        most = money.format_money(money.MAX_AMOUNT, currency)
        raise AmountTooLarge(format_lazy(sentence, amount=money.format_money(highest, currency), most=most))
    minimum = money.currency(currency).minimum
    if 0 < total < minimum:
        sentence = _("The order comes to {amount}; the least that can be charged is {least}.")
        least = money.format_money(minimum, currency)
        raise AmountTooSmall(format_lazy(sentence, amount=money.format_money(total, currency), least=least))


def share_of(lines: Sequence[Line], discount: int, *, currency: str) -> list[int]:
    """Allocate the order's discount over its lines in proportion to their amounts; the shares add up to it."""
    amounts = [line.amount for line in lines]
    _check_steps(currency, *amounts, discount)
    return _allocate(discount, amounts, money.currency(currency).step)


def _allocate(amount: int, weights: Sequence[int], step: int) -> list[int]:
    """Allocate by largest remainder, whole steps only; the earlier of equals comes first."""
    whole = sum(weights)
    if not whole:
        return [0] * len(weights)
    shares, remainders = zip(*(divmod(amount // step * weight, whole) for weight in weights), strict=True)
    left = amount // step - sum(shares)
    favoured = set(sorted(range(len(weights)), key=lambda place: -remainders[place])[:left])
    return [(share + (place in favoured)) * step for place, share in enumerate(shares)]


def refund_for_items(
    lines: Sequence[Line], totals: Totals, *, returned: Sequence[int], returning: Sequence[int]
) -> int:
    """Say what is owed for returning so many of each line, given how many of each came back before.

    Both sequences follow the order of `lines`. Each item carries its part of the discount and of the tax; shipping
    goes back with the last item. However an order is returned piece by piece, the refunds add up to its total.
    Raise InvalidQuantity where more would come back than was bought.
    """
    _check_steps(totals.currency, totals.shipping, totals.tax)
    after = [before + now for before, now in zip(returned, returning, strict=True)]
    for line, before, now in zip(lines, returned, after, strict=True):
        if not 0 <= before <= now <= line.quantity:
            sentence = _("{left} of {quantity} are left to return, not {wanted}.")
            wanted = {"left": line.quantity - before, "quantity": line.quantity, "wanted": now - before}
            raise InvalidQuantity(format_lazy(sentence, **wanted))
    return _owed(lines, totals, after) - _owed(lines, totals, returned)


def _owed(lines: Sequence[Line], totals: Totals, returned: Sequence[int]) -> int:
    """Give all that is owed once so many of each line came back: a function of the state, not of the way there."""
    items = (
        money.round_to_step(Fraction(paid * back, line.quantity), totals.currency)
        for line, paid, back in zip(lines, _paid_for(lines, totals), returned, strict=True)
    )
    everything = all(back == line.quantity for line, back in zip(lines, returned, strict=True))
    return sum(items) + (totals.shipping if everything else 0)


def _paid_for(lines: Sequence[Line], totals: Totals) -> list[int]:
    """Give what was paid for each line: its amount less its part of the discount, with its part of the tax."""
    shares = share_of(lines, totals.discount, currency=totals.currency)
    net = [line.amount - share for line, share in zip(lines, shares, strict=True)]
    # A tax on an order whose items came to nothing follows the quantities: it must go back with something.
    weights = net if any(net) else [line.quantity for line in lines]
    tax = _allocate(totals.tax, weights, money.currency(totals.currency).step)
    return list(starmap(int.__add__, zip(net, tax, strict=True)))
