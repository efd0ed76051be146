"""Totals with taxes that somebody else computed, to the cent. No ORM, no clock, no floats."""

from collections.abc import Sequence
from dataclasses import replace

from ecommerce.pricing.order import PricedTax, Totals, check_bounds


def with_taxes(
    totals: Totals, *, lines: Sequence[tuple[PricedTax, ...]], shipping: tuple[PricedTax, ...], included: bool
) -> Totals:
    """Return untaxed totals with these taxes of their lines and their shipping; raise PricingError."""
    tax = sum(each.amount for taxes in (*lines, shipping) for each in taxes)
    total = totals.subtotal - totals.discount + totals.shipping + (0 if included else tax)
    check_bounds(totals.subtotal, total, totals.currency)
    return replace(
        totals,
        lines=tuple(replace(line, taxes=taxes) for line, taxes in zip(totals.lines, lines, strict=True)),
        shipping_taxes=shipping,
        tax=tax,
        total=total,
        prices_include_tax=included,
    )
