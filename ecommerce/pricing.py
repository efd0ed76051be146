"""What an order costs and what a partial return refunds, in minor units. No ORM, no clock, no floats."""

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

MAX_LINES = 200
MAX_QUANTITY = 999


class PricingError(Exception):
    """A request that can't be priced. `code` and `field` are for programs, `message` is a sentence for users."""

    code: ClassVar[str]
    field: ClassVar[str] = "items"

    def __init__(self, sentence: str | Promise) -> None:
        super().__init__(sentence)

    @property
    def message(self) -> str:
        """The sentence for the user."""
        # Translated when it is read, in the language of that request.
        return str(self)


class ItemsRequired(PricingError):
    """No line was requested."""

    code = "items_required"


class TooManyItems(PricingError):
    """More lines than MAX_LINES."""

    code = "too_many_items"


class MixedCurrencies(PricingError):
    """The SKUs have more than one currency."""

    code = "mixed_currencies"


class InvalidQuantity(PricingError):
    """A quantity outside 1 to MAX_QUANTITY."""

    code = "invalid_quantity"


class CouponCurrencyMismatch(PricingError):
    """An amount off in another currency than the order's."""

    code = "invalid_coupon"
    field = "coupon_code"


class AmountTooLarge(PricingError):
    """More than Stripe charges at once in this currency."""

    code = "amount_too_large"


class AmountTooSmall(PricingError):
    """Less than Stripe charges in this currency, and not zero."""

    code = "amount_too_small"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A SKU, its price in the minor unit, and how many."""

    sku_id: int
    unit_price: int
    quantity: int

    @property
    def amount(self) -> int:
        """The price of all, in the minor unit, before discount."""
        return self.unit_price * self.quantity


@dataclass(frozen=True, slots=True, kw_only=True)
class CouponTerms:
    """A percentage off, or an amount of one currency; ValueError on anything else."""

    code: str
    percent_off: Decimal | None = None
    amount_off: int | None = None
    currency: str | None = None

    def __post_init__(self) -> None:
        if self.percent_off is not None:
            valid = self.amount_off is None and 0 < self.percent_off <= 100  # noqa: PLR2004 - per cent
        else:
            valid = self.amount_off is not None and self.amount_off > 0 and bool(self.currency)
        if not valid:
            raise ValueError(f"Coupon {self.code} takes off either 0 to 100 percent or an amount with its currency.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """The sums of an order. `amounts` are those of its lines before the discount, in the order of the lines."""

    currency: str
    amounts: tuple[int, ...]
    subtotal: int
    discount: int
    shipping: int
    tax: int
    total: int


def one_currency(codes: Iterable[str]) -> str:
    """Return the currency that all codes name; raise MixedCurrencies, ItemsRequired or UnsupportedCurrency."""
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
    """Price an order; raise PricingError, or ValueError where an amount is not a multiple of the currency's step."""
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
    # The subtotal too, however much a coupon takes off: it is stored, and printed on the invoice.
    highest = max(subtotal, total)
    maximum = money.currency(currency).maximum
    if highest > maximum:
        sentence = _("The order comes to {amount}; at most {most} can be charged at once.")
        most = money.format_money(maximum, currency)
        raise AmountTooLarge(format_lazy(sentence, amount=money.format_money(highest, currency), most=most))
    minimum = money.currency(currency).minimum
    if 0 < total < minimum:
        sentence = _("The order comes to {amount}; the least that can be charged is {least}.")
        least = money.format_money(minimum, currency)
        raise AmountTooSmall(format_lazy(sentence, amount=money.format_money(total, currency), least=least))


def discount_shares(lines: Sequence[Line], discount: int, *, currency: str) -> list[int]:
    """Divide a discount among lines in proportion to their amounts; the shares add up to it."""
    amounts = [line.amount for line in lines]
    _check_steps(currency, *amounts, discount)
    return _allocate(discount, amounts, money.currency(currency).step)


def _allocate(amount: int, weights: Sequence[int], step: int) -> list[int]:
    """Divide by largest remainder, in whole steps; the earlier of two equal remainders gets the step."""
    whole = sum(weights)
    if not whole:
        return [0] * len(weights)
    shares, remainders = zip(*(divmod(amount // step * weight, whole) for weight in weights), strict=True)
    left = amount // step - sum(shares)
    rounded_up = set(sorted(range(len(weights)), key=lambda place: -remainders[place])[:left])
    return [(share + (place in rounded_up)) * step for place, share in enumerate(shares)]


def refund_for_items(
    lines: Sequence[Line], totals: Totals, *, returned: Sequence[int], returning: Sequence[int]
) -> int:
    """Return the refund for the quantities `returning`, given those `returned` before; both in the order of `lines`.

    Each item carries its share of the discount and of the tax; shipping is refunded with the last item. In whatever
    steps an order is returned, the refunds add up to its total. Raise InvalidQuantity where more would be returned
    than was bought.
    """
    _check_steps(totals.currency, totals.shipping, totals.tax)
    after = [before + now for before, now in zip(returned, returning, strict=True)]
    for line, before, now in zip(lines, returned, after, strict=True):
        if not 0 <= before <= now <= line.quantity:
            sentence = _("{left} of {quantity} are left to return, not {wanted}.")
            values = {"left": line.quantity - before, "quantity": line.quantity, "wanted": now - before}
            raise InvalidQuantity(format_lazy(sentence, **values))
    # The difference of two sums that depend on quantities alone, so that rounding never adds up over many returns.
    return _refund_in_all(lines, totals, after) - _refund_in_all(lines, totals, returned)


def _refund_in_all(lines: Sequence[Line], totals: Totals, returned: Sequence[int]) -> int:
    items = (
        money.round_to_step(Fraction(paid * back, line.quantity), totals.currency)
        for line, paid, back in zip(lines, _paid_by_line(lines, totals), returned, strict=True)
    )
    all_returned = all(back == line.quantity for line, back in zip(lines, returned, strict=True))
    return sum(items) + (totals.shipping if all_returned else 0)


def _paid_by_line(lines: Sequence[Line], totals: Totals) -> list[int]:
    """Return what was paid for each line: its amount less its share of the discount, plus its share of the tax."""
    shares = discount_shares(lines, totals.discount, currency=totals.currency)
    net = [line.amount - share for line, share in zip(lines, shares, strict=True)]
    # Where the items cost nothing, the tax (on shipping) is divided by quantity: it must be refunded with something.
    weights = net if any(net) else [line.quantity for line in lines]
    tax = _allocate(totals.tax, weights, money.currency(totals.currency).step)
    return list(starmap(int.__add__, zip(net, tax, strict=True)))
