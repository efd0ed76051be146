"""Dividing an amount so that the parts add up to it. No ORM, no clock, no floats."""

from collections.abc import Sequence
from fractions import Fraction

from billing import money


def allocate(amount: int, weights: Sequence[int], currency: str, *, at_most: Sequence[int] | None = None) -> list[int]:
    """Divide an amount in proportion to weights, in whole steps of the currency; see `round_parts`.

    All is zero where every weight is.
    """
    whole = sum(weights)
    if not whole:
        return [0] * len(weights)
    exact = [Fraction(amount * weight, whole) for weight in weights]
    return round_parts(exact, amount, currency, at_most=at_most)


def round_parts(
    exact: Sequence[Fraction], amount: int, currency: str, *, at_most: Sequence[int] | None = None
) -> list[int]:
    """Round parts to the currency's step so that they add up to the amount: by largest remainder, the earlier of two.

    No part is larger than its bound in `at_most`, whose sum must reach the amount.
    """
    step = money.currency(currency).step
    bounds = [bound // step for bound in at_most] if at_most is not None else [amount // step] * len(exact)
    rounded = [min(int(part / step), bound) for part, bound in zip(exact, bounds, strict=True)]
    by_remainder = sorted(range(len(exact)), key=lambda place: rounded[place] - exact[place] / step)
    left = amount // step - sum(rounded)
    while left:
        below_bound = [place for place in by_remainder if rounded[place] < bounds[place]][:left]
        if not below_bound:
            raise ValueError(f"{amount} is more than the parts may hold.")
        for place in below_bound:
            rounded[place] += 1
        left -= len(below_bound)
    return [part * step for part in rounded]
