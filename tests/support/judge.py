"""The rounding of orders, a second time: written from the rules in words alone, and by another way than the product's.

All is counted in steps of the currency. What is divided is handed out a step at a time, to whoever is furthest below
what is due to them.
"""

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple, TypeVar

HALF = Fraction(1, 2)
Whom = TypeVar("Whom", bound=Hashable)


class Rate(NamedTuple):
    """A tax: what makes it another one than others."""

    country: str
    name: str
    percent: Fraction


@dataclass(frozen=True)
class Sold:
    """A line: its price of one, in steps, how many, its own discount, and its rates."""

    unit: int
    quantity: int
    off: int = 0
    rates: tuple[Rate, ...] = ()

    @property
    def listed(self) -> int:
        return self.unit * self.quantity


@dataclass(frozen=True)
class Off:
    """A discount on all lines: a percentage, or a number of steps."""

    percent: Fraction | None = None
    steps: int = 0

    def of(self, amount: int) -> int:
        wanted = half_up(amount * self.percent / 100) if self.percent is not None else self.steps
        return min(wanted, amount)


@dataclass(frozen=True)
class Sale:
    """What is sold, and by which rules."""

    lines: Sequence[Sold]
    by_hand: Off | None = None
    coupon: Off | None = None
    shipping: int = 0
    shipping_rates: tuple[Rate, ...] = ()
    rule: str = "own"
    included: bool = False
    stacked: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Verdict:
    """What a sale must come to, in steps: each line's discount, each tax, and each cell of it by place and rate.

    The places of the parts of shipping follow those of the lines.
    """

    discounts: list[int]
    manual: list[int]
    parts: list[tuple[int, tuple[Rate, ...]]]
    taxes: dict[Rate, int]
    bases: dict[Rate, int]
    cells: dict[tuple[int, Rate], int]
    total: int


def half_up(exact: Fraction) -> int:
    return math.floor(exact + HALF)


def hand_out(steps: int, due: Mapping[Whom, Fraction]) -> dict[Whom, int]:
    """Give to each the whole steps that are due, and what is left one by one to the one most short, the earliest."""
    got = {each: math.floor(wanted) for each, wanted in due.items()}
    given = sum(got.values())
    while given < steps:
        # `max` returns the first of equals.
        neediest = max(due, key=lambda each: due[each] - got[each])
        got[neediest] += 1
        given += 1
    return got


def in_proportion(amount: int, held: Sequence[int]) -> list[int]:
    """Divide an amount by what each holds."""
    if not any(held):
        return [0] * len(held)
    due = {place: Fraction(amount * each, sum(held)) for place, each in enumerate(held)}
    return list(hand_out(amount, due).values())


def judge(sale: Sale) -> Verdict:
    """Price a sale."""
    own = [min(line.off, line.listed) for line in sale.lines]
    manual = _further(sale.lines, own, sale.by_hand)
    discounts = _further(sale.lines, manual, sale.coupon)
    parts = _shipping(sale, discounts)
    priced = [
        *((line.listed - off, line.rates) for line, off in zip(sale.lines, discounts, strict=True)),
        *parts,
    ]
    due: dict[Rate, dict[int, Fraction]] = {}
    for place, (price, rates) in enumerate(priced):
        divisor = 100 + (sum(rate.percent for rate in rates) if sale.included else 0)
        for rate in rates:
            due.setdefault(rate, {})[place] = price * rate.percent / divisor
    taxes = _document(due, sale.stacked)
    cells = {(place, rate): got for rate in due for place, got in hand_out(taxes[rate], due[rate]).items()}
    inside = [
        sum(got for (place, _rate), got in cells.items() if place == own_place) for own_place in range(len(priced))
    ]
    net = [price - (inside[place] if sale.included else 0) for place, (price, _rates) in enumerate(priced)]
    gross = sum(price for price, _rates in priced)
    return Verdict(
        discounts=discounts,
        manual=manual,
        parts=parts,
        taxes=taxes,
        bases={rate: sum(net[place] for place in shares) for rate, shares in due.items()},
        cells=cells,
        total=gross if sale.included else gross + sum(taxes.values()),
    )


def _further(lines: Sequence[Sold], taken: Sequence[int], off: Off | None) -> list[int]:
    costs = [line.listed - before for line, before in zip(lines, taken, strict=True)]
    shares = in_proportion(off.of(sum(costs)) if off else 0, costs)
    return [before + share for before, share in zip(taken, shares, strict=True)]


def _shipping(sale: Sale, discounts: Sequence[int]) -> list[tuple[int, tuple[Rate, ...]]]:
    if not sale.shipping:
        return []
    if sale.rule == "own":
        return [(sale.shipping, sale.shipping_rates)]
    if sale.rule == "highest":
        rates = max((line.rates for line in sale.lines), key=lambda rates: sum(rate.percent for rate in rates))
        return [(sale.shipping, rates)]
    # By what the goods cost; before the discount where all are free; by their number where they never cost anything.
    worth = [line.listed - off for line, off in zip(sale.lines, discounts, strict=True)]
    if not any(worth):
        worth = [line.listed for line in sale.lines]
    if not any(worth):
        worth = [line.quantity for line in sale.lines]
    kinds: dict[tuple[Rate, ...], int] = {}
    for line, value in zip(sale.lines, worth, strict=True):
        kinds[line.rates] = kinds.get(line.rates, 0) + value
    shares = in_proportion(sale.shipping, list(kinds.values()))
    return [(share, rates) for share, rates in zip(shares, kinds, strict=True) if share]


def _document(due: Mapping[Rate, Mapping[int, Fraction]], stacked: frozenset[str]) -> dict[Rate, int]:
    exact = {rate: sum(shares.values(), Fraction(0)) for rate, shares in due.items()}
    taxes = {rate: half_up(amount) for rate, amount in exact.items()}
    for country in stacked:
        together = {rate: amount for rate, amount in exact.items() if rate.country == country}
        taxes |= hand_out(half_up(sum(together.values(), Fraction(0))), together)
    return taxes


@dataclass
class Purse:
    """What is left of a line or of the shipping, in steps: without taxes first, then each tax."""

    cells: list[int]
    units: int = 0

    @property
    def left(self) -> int:
        return sum(self.cells)

    def take(self, steps: int, units: int = 0) -> list[int]:
        """Take some steps out, of each cell in proportion."""
        taken = in_proportion(steps, self.cells)
        self.cells = [mine - gone for mine, gone in zip(self.cells, taken, strict=True)]
        self.units -= units
        return taken

    def take_units(self, units: int) -> list[int]:
        """Take some units out: each is worth what is left by the units left."""
        return self.take(half_up(Fraction(self.left * units, self.units)), units)


def take_amount(lines: Sequence[Purse], shipping: Purse, steps: int) -> tuple[list[list[int]], list[int]]:
    """Take an amount out: of the lines in proportion, and of the shipping once they are empty."""
    held = [line.left for line in lines]
    of_lines = min(steps, sum(held))
    taken = [line.take(share) for line, share in zip(lines, in_proportion(of_lines, held), strict=True)]
    return taken, shipping.take(steps - of_lines)
