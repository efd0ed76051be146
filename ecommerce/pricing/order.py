"""What an order costs, in minor units: items, discount, shipping and taxes. No ORM, no clock, no floats."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Literal

from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from billing import money
from ecommerce.pricing.allocation import allocate
from ecommerce.pricing.errors import (
    AmountTooLarge,
    AmountTooSmall,
    CouponCurrencyMismatch,
    InvalidQuantity,
    ItemsRequired,
    MixedCurrencies,
    TooManyItems,
)
from ecommerce.pricing.taxes import Tax, Taxed, highest, shipping_by_share, taxes_of

MAX_LINES = 200
MAX_QUANTITY = 9_999


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A price in the minor unit, how many, a discount by hand, and the taxes charged on it."""

    unit_price: int
    quantity: int
    discount: int = 0
    taxes: tuple[Tax, ...] = ()

    @property
    def amount(self) -> int:
        """The price of all, in the minor unit, before discount."""
        return self.unit_price * self.quantity


@dataclass(frozen=True, slots=True, kw_only=True)
class Shipping:
    """The price of shipping, and how it is taxed.

    `own`: by `taxes`. `highest`: as the goods taxed highest. `share`: in parts, as the goods are, by what they cost.
    """

    price: int = 0
    taxes: tuple[Tax, ...] = ()
    rule: Literal["own", "highest", "share"] = "own"


@dataclass(frozen=True, slots=True, kw_only=True)
class Discount:
    """A percentage off, or an amount in the minor unit; ValueError on anything else."""

    percent_off: Decimal | None = None
    amount_off: int | None = None

    def __post_init__(self) -> None:
        if self.percent_off is not None:
            valid = self.amount_off is None and 0 < self.percent_off <= 100  # noqa: PLR2004 - per cent
        else:
            valid = self.amount_off is not None and self.amount_off > 0
        if not valid:
            raise ValueError("A discount takes off either 0 to 100 percent or an amount above zero.")

    def of(self, amount: int, currency: str) -> int:
        """Return what is taken off an amount, rounded to the currency's step, at most all of it."""
        exact = amount * Fraction(self.percent_off) / 100 if self.percent_off is not None else self.amount_off or 0
        return min(money.round_to_step(Fraction(exact), currency), amount)


@dataclass(frozen=True, slots=True, kw_only=True)
class CouponTerms(Discount):
    """A coupon; an amount off is one of its currency."""

    code: str
    currency: str | None = None

    def __post_init__(self) -> None:
        # Not super(): a dataclass with slots is another class than the one that its methods were written in.
        Discount.__post_init__(self)
        if self.amount_off is not None and not self.currency:
            raise ValueError(f"Coupon {self.code} takes off an amount without its currency.")


@dataclass(frozen=True, slots=True, kw_only=True)
class PricedTax:
    """A tax of an item or of the shipping: on how much without taxes, and the tax itself, in the minor unit."""

    tax: Tax
    taxable: int
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PricedLine:
    """A line's amount before discount, the discount, how much of that was given by hand, and its taxes."""

    amount: int
    discount: int
    manual_discount: int = 0
    taxes: tuple[PricedTax, ...] = ()

    @property
    def tax(self) -> int:
        """The sum of its taxes."""
        return sum(tax.amount for tax in self.taxes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """The sums of an order, and its lines in the order in which they were given."""

    currency: str
    lines: tuple[PricedLine, ...]
    subtotal: int
    discount: int
    manual_discount: int = 0
    shipping: int
    shipping_taxes: tuple[PricedTax, ...] = field(default=())
    tax: int
    total: int
    prices_include_tax: bool = False

    @property
    def shipping_tax(self) -> int:
        """The taxes of the shipping alone."""
        return sum(tax.amount for tax in self.shipping_taxes)

    @property
    def taxes(self) -> tuple[PricedTax, ...]:
        """Each tax once, over all items and the shipping, in the order in which they first occur."""
        sums: dict[Tax, PricedTax] = {}
        for part in (*(tax for line in self.lines for tax in line.taxes), *self.shipping_taxes):
            known = sums.get(part.tax, PricedTax(tax=part.tax, taxable=0, amount=0))
            sums[part.tax] = PricedTax(
                tax=part.tax, taxable=known.taxable + part.taxable, amount=known.amount + part.amount
            )
        return tuple(sums.values())


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
    lines: Sequence[Line],
    *,
    currency: str,
    coupon: CouponTerms | None = None,
    discount: Discount | None = None,
    shipping: Shipping = Shipping(),
    prices_include_tax: bool = False,
    stacked: Collection[str] = (),
) -> Totals:
    """Price an order; raise PricingError, or ValueError where an amount is not a multiple of the currency's step.

    `discount` is one by hand on the whole order: of what is left after the lines' own, before the coupon. `stacked`
    names the countries whose law adds its taxes before it rounds.
    """
    _check_lines(lines)
    _check_steps(currency, *(line.unit_price for line in lines), *(line.discount for line in lines), shipping.price)
    by_hand, discounts = discounts_of(lines, currency=currency, coupon=coupon, discount=discount)
    goods = [Taxed(price=line.amount - off, taxes=line.taxes) for line, off in zip(lines, discounts, strict=True)]
    parts = _shipping_parts(shipping, goods, lines, currency)
    amounts = taxes_of(
        [*goods, *parts],
        currency=currency,
        included=prices_include_tax,
        stacked=stacked,
    )
    priced = [
        _priced_taxes(each, of_it, included=prices_include_tax)
        for each, of_it in zip([*goods, *parts], amounts, strict=True)
    ]
    subtotal = sum(line.amount for line in lines)
    tax = sum(map(sum, amounts))
    total = subtotal - sum(discounts) + shipping.price + (0 if prices_include_tax else tax)
    check_bounds(subtotal, total, currency)
    return Totals(
        currency=money.currency(currency).code,
        lines=tuple(
            PricedLine(amount=line.amount, discount=off, manual_discount=manual, taxes=taxes)
            for line, off, manual, taxes in zip(lines, discounts, by_hand, priced, strict=False)
        ),
        subtotal=subtotal,
        discount=sum(discounts),
        manual_discount=sum(by_hand),
        shipping=shipping.price,
        shipping_taxes=tuple(tax for part in priced[len(lines) :] for tax in part),
        tax=tax,
        total=total,
        prices_include_tax=prices_include_tax,
    )


def discounts_of(
    lines: Sequence[Line], *, currency: str, coupon: CouponTerms | None = None, discount: Discount | None = None
) -> tuple[list[int], list[int]]:
    """Return what is taken off each line by hand, and that with the coupon's share; raise CouponCurrencyMismatch."""
    by_hand = _manual_discounts(lines, discount, currency)
    return by_hand, _with_coupon(lines, by_hand, coupon, currency)


def _manual_discounts(lines: Sequence[Line], discount: Discount | None, currency: str) -> list[int]:
    own = [min(line.discount, line.amount) for line in lines]
    return _spread(lines, own, discount, currency)


def _with_coupon(
    lines: Sequence[Line], discounts: Sequence[int], coupon: CouponTerms | None, currency: str
) -> list[int]:
    if coupon and coupon.currency and money.currency(coupon.currency) != money.currency(currency):
        sentence = _("Coupon {code} takes off an amount in {theirs}; this order is in {ours}.")
        theirs = coupon.currency.upper()
        raise CouponCurrencyMismatch(
            format_lazy(sentence, code=coupon.code, theirs=theirs, ours=currency.upper()),
        )
    return _spread(lines, discounts, coupon, currency)


def _spread(lines: Sequence[Line], taken: Sequence[int], discount: Discount | None, currency: str) -> list[int]:
    """Add a discount of all lines to what each was discounted before, in proportion to what each costs then."""
    left = [line.amount - off for line, off in zip(lines, taken, strict=True)]
    shares = allocate(discount.of(sum(left), currency) if discount else 0, left, currency)
    return [off + share for off, share in zip(taken, shares, strict=True)]


def _shipping_parts(shipping: Shipping, goods: Sequence[Taxed], lines: Sequence[Line], currency: str) -> list[Taxed]:
    if not shipping.price:
        return []
    if shipping.rule == "share":
        return shipping_by_share(shipping.price, _valued(goods, lines), currency=currency)
    taxes = highest(goods) if shipping.rule == "highest" else shipping.taxes
    return [Taxed(price=shipping.price, taxes=taxes)]


def _valued(goods: Sequence[Taxed], lines: Sequence[Line]) -> Sequence[Taxed]:
    """Return the goods by what they cost; before discount where all is free, by number where all is given away."""
    before = [Taxed(price=line.amount, taxes=line.taxes) for line in lines]
    units = [Taxed(price=line.quantity, taxes=line.taxes) for line in lines]
    return next((each for each in (goods, before) if any(line.price for line in each)), units)


def _priced_taxes(taxed: Taxed, amounts: Sequence[int], *, included: bool) -> tuple[PricedTax, ...]:
    taxable = taxed.price - (sum(amounts) if included else 0)
    return tuple(
        PricedTax(tax=tax, taxable=taxable, amount=amount) for tax, amount in zip(taxed.taxes, amounts, strict=True)
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


def check_bounds(subtotal: int, total: int, currency: str) -> None:
    """Raise PricingError where Stripe would not charge a total."""
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
