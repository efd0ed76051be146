"""Orders of every shape, for hypothesis: as the product is asked for them, and as the judge is."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any, Literal, cast

from hypothesis import assume
from hypothesis import strategies as st

from billing import money
from ecommerce.pricing.errors import PricingError
from ecommerce.pricing.order import CouponTerms, Discount, Line, Shipping, Totals, price
from ecommerce.pricing.refunds import Cells, OrderCells
from ecommerce.pricing.taxes import Tax
from tests.support.judge import Off, Rate, Sale, Sold

CURRENCIES = ("usd", "eur", "jpy", "kwd", "isk", "huf")
# Several taxes on one thing, as laws have them; percentages of every kind, those of 0 among them.
KNOWN = [
    (),
    *(((country, "VAT", percent),) for country, percent in [("DE", "19"), ("DE", "7"), ("FR", "5.5"), ("FR", "2.1")]),
    (("HU", "ÁFA", "27"),),
    (("DE", "VAT", "0"),),
    (("CA", "GST", "5"), ("CA", "QST", "9.975")),
    (("IN", "CGST", "6"), ("IN", "SGST", "6")),
    (("US", "State", "4"), ("US", "City", "4.5"), ("US", "MCTD", "0.375")),
    (("US", "State", "6.5"), ("US", "County", "0.4"), ("US", "District", "1.4")),
    (("US", "State", "6.5"),),
    (("DE", "VAT", "19"), ("US", "State", "4")),
]
percents = st.decimals("0", "60", places=4).map(str)
invented = st.tuples(st.sampled_from(["US", "DE"]), st.sampled_from(["A", "B", "C"]), percents)
rates = st.sampled_from(KNOWN) | st.lists(invented, min_size=1, max_size=3, unique_by=lambda each: each[1]).map(tuple)


@dataclass(frozen=True, slots=True)
class Ordered:
    """An order as it was priced, and the same for the judge."""

    totals: Totals
    lines: list[Line]
    sale: Sale
    step: int


def as_taxes(given: Any) -> tuple[Tax, ...]:
    return tuple(Tax(country=country, name=name, percent=Decimal(percent)) for country, name, percent in given)


def as_rates(given: Any) -> tuple[Rate, ...]:
    return tuple(Rate(country, name, Fraction(percent)) for country, name, percent in given)


@st.composite
def orders(draw: Callable[..., Any], *, most_lines: int = 60) -> Ordered:
    """An order that can be charged."""
    currency = draw(st.sampled_from(CURRENCIES))
    step = money.currency(currency).step
    kinds = draw(st.lists(rates, min_size=1, max_size=3))
    prices = st.integers(0, 12) | st.integers(0, 40_000 // step)
    line = st.tuples(prices, st.integers(1, 6), st.just(0) | prices, st.sampled_from(kinds))
    # Of any length alike: hypothesis alone makes most lists short.
    count = draw(st.integers(1, most_lines))
    drawn = draw(st.lists(line, min_size=count, max_size=count))
    shipping = draw(st.just(0) | prices)
    own = draw(rates)
    rule = draw(st.sampled_from(["own", "highest", "share"]))
    percentages = st.decimals("0.01", 100, places=2)
    off = st.none() | percentages | st.integers(1, 60_000 // step)
    by_hand, coupon = draw(off), draw(off)
    included, stacked = draw(st.booleans()), draw(st.sampled_from([frozenset(), frozenset({"US"})]))
    lines = [
        Line(unit_price=unit * step, quantity=quantity, discount=less * step, taxes=as_taxes(kind))
        for unit, quantity, less, kind in drawn
    ]
    try:
        totals = price(
            lines,
            currency=currency,
            coupon=_coupon(coupon, step, currency),
            discount=_discount(by_hand, step),
            shipping=Shipping(
                price=shipping * step, taxes=as_taxes(own), rule=cast(Literal["own", "highest", "share"], rule)
            ),
            prices_include_tax=included,
            stacked=stacked,
        )
    except PricingError:  # less than is ever charged
        assume(False)
        raise
    sale = Sale(
        lines=[Sold(unit, quantity, less, as_rates(kind)) for unit, quantity, less, kind in drawn],
        by_hand=_off(by_hand),
        coupon=_off(coupon),
        shipping=shipping,
        shipping_rates=as_rates(own),
        rule=rule,
        included=included,
        stacked=stacked,
    )
    return Ordered(totals, lines, sale, step)


def _off(drawn: Any) -> Off | None:
    if drawn is None:
        return None
    return Off(percent=Fraction(drawn)) if isinstance(drawn, Decimal) else Off(steps=drawn)


def _discount(drawn: Any, step: int) -> Discount | None:
    if drawn is None:
        return None
    return Discount(percent_off=drawn) if isinstance(drawn, Decimal) else Discount(amount_off=drawn * step)


def _coupon(drawn: Any, step: int, currency: str) -> CouponTerms | None:
    if drawn is None:
        return None
    if isinstance(drawn, Decimal):
        return CouponTerms(code="SAVE", percent_off=drawn)
    return CouponTerms(code="SAVE", amount_off=drawn * step, currency=currency)


def cells_of(totals: Totals, lines: list[Line]) -> OrderCells:
    """The cells of a priced order, all of them full."""
    included = totals.prices_include_tax

    def cells(paid: int, taxes: Any, units: int = 0) -> Cells:
        amounts = tuple(tax.amount for tax in taxes)
        return Cells(goods=paid - (sum(amounts) if included else 0), taxes=amounts, units=units)

    items = (
        cells(line.amount - line.discount, line.taxes, given.quantity)
        for line, given in zip(totals.lines, lines, strict=True)
    )
    return OrderCells(items=tuple(items), shipping=cells(totals.shipping, totals.shipping_taxes))
