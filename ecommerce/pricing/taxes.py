"""The taxes of an order, laid on its items and its shipping. No ORM, no clock, no floats.

Each tax is computed once over all that it is charged on, rounded half up to the currency's step, and laid on what it is
charged on by largest remainder: so a tax agrees with its rate to the cent, which a sum of rounded lines does not.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction

from billing import money
from ecommerce.pricing.allocation import allocate, round_parts


@dataclass(frozen=True, slots=True, kw_only=True)
class Tax:
    """One tax: `percent` of the price without taxes. `category` is EN 16931's: S, Z, E, AE, K, G or O.

    Two taxes of the same rate with different names, as India's CGST and SGST, are two.
    """

    country: str = ""
    region: str = ""
    name: str = ""
    percent: Decimal
    category: str = "S"
    reason: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Taxed:
    """A price after discount, in the minor unit, and the taxes charged on it."""

    price: int
    taxes: tuple[Tax, ...]

    @property
    def percent(self) -> Fraction:
        """The sum of its rates."""
        return sum((Fraction(tax.percent) for tax in self.taxes), Fraction(0))

    def exact(self, tax: Tax, *, included: bool) -> Fraction:
        """Return the unrounded amount of a tax."""
        if tax not in self.taxes:
            return Fraction(0)
        return self.price * Fraction(tax.percent) / (100 + (self.percent if included else 0))


def taxes_of(
    prices: Sequence[Taxed], *, currency: str, included: bool, stacked: Collection[str] = ()
) -> list[list[int]]:
    """Return for each price the amounts of its taxes, in the order of its `taxes`.

    `included`: the prices include the taxes. `stacked` names the countries whose law wants the sum of all its taxes
    rounded, not each (United States); the sum is then divided among the taxes.
    """
    distinct = list(dict.fromkeys(tax for each in prices for tax in each.taxes))
    exact = {tax: [each.exact(tax, included=included) for each in prices] for tax in distinct}
    amounts = _amounts({tax: sum(parts, Fraction(0)) for tax, parts in exact.items()}, currency, stacked)
    # What is included can't be more than the price, also where several taxes are rounded up on a price of one cent.
    room = [each.price if included else sum(amounts.values()) for each in prices]
    laid = {}
    for tax, amount in amounts.items():
        laid[tax] = round_parts(exact[tax], amount, currency, at_most=_room(room, exact[tax]))
        room = [left - share for left, share in zip(room, laid[tax], strict=True)]
    return [[laid[tax][place] for tax in each.taxes] for place, each in enumerate(prices)]


def _amounts(sums: Mapping[Tax, Fraction], currency: str, stacked: Collection[str]) -> dict[Tax, int]:
    amounts = {tax: money.round_to_step(exact, currency) for tax, exact in sums.items()}
    for country in stacked:
        added = {tax: exact for tax, exact in sums.items() if tax.country == country}
        whole = money.round_to_step(sum(added.values(), Fraction(0)), currency)
        amounts |= zip(added, round_parts(list(added.values()), whole, currency), strict=True)
    return amounts


def _room(room: Sequence[int], exact: Sequence[Fraction]) -> list[int]:
    return [left if part else 0 for left, part in zip(room, exact, strict=True)]


def shipping_by_share(shipping: int, goods: Sequence[Taxed], *, currency: str) -> list[Taxed]:
    """Divide the price of shipping among the goods' kinds of taxes, in proportion to what the goods cost."""
    values: dict[tuple[Tax, ...], int] = {}
    for each in goods:
        values[each.taxes] = values.get(each.taxes, 0) + each.price
    parts = allocate(shipping, list(values.values()), currency)
    return [Taxed(price=part, taxes=taxes) for part, taxes in zip(parts, values, strict=True) if part]


def highest(goods: Sequence[Taxed]) -> tuple[Tax, ...]:
    """Return the taxes of the goods that are taxed highest."""
    return max(goods, key=lambda each: each.percent).taxes
