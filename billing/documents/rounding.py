"""Taxes that were rounded line by line, as far as EN 16931 knows them: within one unit of the currency of their rate.

BR-S-09 and BR-CO-17 hold the tax of a rate against what it is charged on. Rounded to whole yen line by line, or to
cents on hundreds of lines, the sum may be further off, though each of its cells is right. Then the XML parts the same
price with taxes as the rate does; what was paid or goes back stays the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from billing import money
from billing.documents.categories import Group, Part, breakdown

_NEARLY_A_UNIT = Fraction(99, 100)  # the rules round to two decimals before they compare


@dataclass(frozen=True, slots=True, kw_only=True)
class Restated:
    """A group as it is stated, and its tax as it was charged."""

    group: Group
    charged: int


def within_rates(parts: Sequence[Part], currency: str) -> list[Part]:
    """Return the parts with the tax of each rate near enough to it, and the same totals with taxes."""
    far = {group.key for group in breakdown(parts) if _is_far(group, currency)}
    stated = list(parts)
    for key in far:
        places = [place for place, part in enumerate(parts) if part.key == key]
        of_rate = [parts[place] for place in places]
        if _is_by_rounding(of_rate, currency):
            for place, part in zip(places, _by_rate(of_rate, currency), strict=True):
                stated[place] = part
    return stated


def restated(parts: Sequence[Part], stated: Sequence[Part]) -> list[Restated]:
    """Return the groups whose tax is not the one charged."""
    pairs = zip(breakdown(parts), breakdown(stated), strict=True)
    return [Restated(group=now, charged=before.tax) for before, now in pairs if before.tax != now.tax]


def _off(net: int, tax: int, rate: Fraction) -> Fraction:
    return abs(abs(tax) - abs(net) * rate / 100)


def _is_far(group: Group, currency: str) -> bool:
    unit = 10 ** money.currency(currency).exponent
    return bool(group.rate) and _off(group.taxable, group.tax, Fraction(group.rate)) >= unit * _NEARLY_A_UNIT


def _is_by_rounding(parts: Sequence[Part], currency: str) -> bool:
    # Each tax on each line is less than a step off, and in prices that include it so is the net. More is a fault, which
    # the rules are to find.
    rate = Fraction(parts[0].rate)
    off = _off(sum(part.net for part in parts), sum(part.tax for part in parts), rate)
    roundings = sum(part.taxes for part in parts)
    return off <= roundings * money.currency(currency).step * (100 + rate) / 100


def _by_rate(parts: Sequence[Part], currency: str) -> list[Part]:
    rate = Fraction(parts[0].rate)
    share = rate / (100 + rate)
    stated, price, before = [], 0, 0
    for part in parts:
        price += part.net + part.tax
        tax = money.round_to_step(price * share, currency)
        stated.append(replace(part, net=part.net + part.tax - (tax - before), tax=tax - before))
        before = tax
    return stated
