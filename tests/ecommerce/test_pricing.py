from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from billing import money
from ecommerce.pricing import errors
from ecommerce.pricing.order import CouponTerms, Line, PricedLine, Shipping, Totals, one_currency, price

codes = st.sampled_from(["usd", "eur", "jpy", "kwd", "isk", "ugx", "huf"])


def line(unit_price: int, quantity: int = 1) -> Line:
    return Line(unit_price=unit_price, quantity=quantity)


def percent(value: str) -> CouponTerms:
    return CouponTerms(code="SAVE", percent_off=Decimal(value))


def fixed(amount: int, currency: str = "usd") -> CouponTerms:
    return CouponTerms(code="MINUS", amount_off=amount, currency=currency)


@st.composite
def priced(draw: Callable[..., Any]) -> tuple[list[Line], Totals]:
    """Orders of every shape that can be charged, free items and free orders included."""
    currency = draw(codes)
    step = money.currency(currency).step
    prices = st.integers(0, 5000).map(lambda steps: steps * step)
    lines = draw(st.lists(st.builds(line, prices, st.integers(1, 12)), min_size=1, max_size=25))
    percentages = st.decimals("0.01", 100, places=2).map(lambda value: percent(str(value)))
    fixeds = st.integers(1, 2_000_000).map(lambda amount: fixed(amount, currency))
    coupon = draw(st.none() | percentages | fixeds)
    try:
        totals = price(lines, currency=currency, coupon=coupon, shipping=Shipping(price=draw(prices)))
    except errors.PricingError:
        assume(False)
        raise
    return lines, totals


def test_an_order_adds_up() -> None:
    lines = [line(1500, 2), line(1250)]
    assert price(lines, currency="usd", coupon=percent("10"), shipping=Shipping(price=500)) == Totals(
        currency="usd",
        lines=(PricedLine(amount=3000, discount=300), PricedLine(amount=1250, discount=125)),
        subtotal=4250,
        discount=425,
        shipping=500,
        tax=0,
        total=4325,
    )


@pytest.mark.parametrize(
    ("unit_price", "currency", "coupon", "discount"),
    [
        (4500, "usd", None, 0),
        (4500, "usd", percent("12.5"), 563),
        (4500, "usd", percent("33.33"), 1500),
        (4500, "usd", percent("0.01"), 0),
        (4500, "usd", percent("100"), 4500),
        (4505, "jpy", percent("10"), 451),
        (4520, "kwd", percent("12.5"), 570),
        (4500, "isk", percent("10"), 500),
        (4400, "isk", percent("10"), 400),
        (4500, "usd", fixed(1000), 1000),
        (4500, "usd", fixed(1000, "USD"), 1000),
        (4500, "usd", fixed(9000), 4500),
        (4500, "isk", fixed(1050, "isk"), 1100),
    ],
)
def test_a_discount_is_rounded_to_the_step_and_never_above_the_subtotal(
    unit_price: int, currency: str, coupon: CouponTerms | None, discount: int
) -> None:
    totals = price([line(unit_price)], currency=currency, coupon=coupon)
    assert (totals.discount, totals.total) == (discount, unit_price - discount)


def test_a_coupon_of_a_hundred_percent_leaves_the_shipping() -> None:
    totals = price([line(4500)], currency="usd", coupon=percent("100"), shipping=Shipping(price=500))
    assert totals.total == 500


@pytest.mark.parametrize(
    ("lines", "options", "refusal", "code", "field", "message"),
    [
        ([], {}, errors.ItemsRequired, "items_required", "items", "Choose at least one item."),
        (
            [line(100)] * 201,
            {},
            errors.TooManyItems,
            "too_many_items",
            "items",
            "An order has at most 200 lines; this one has 201.",
        ),
        (
            [line(100, 0)],
            {},
            errors.InvalidQuantity,
            "invalid_quantity",
            "items",
            "A quantity is a whole number from 1 to 9999, not 0.",
        ),
        (
            [line(100), line(100, 10_000)],
            {},
            errors.InvalidQuantity,
            "invalid_quantity",
            "items",
            "A quantity is a whole number from 1 to 9999, not 10000.",
        ),
        (
            [line(4500)],
            {"coupon": fixed(500, "eur")},
            errors.CouponCurrencyMismatch,
            "invalid_coupon",
            "coupon_code",
            "Coupon MINUS takes off an amount in EUR; this order is in USD.",
        ),
        (
            [line(50_000_000, 2)],
            {},
            errors.AmountTooLarge,
            "amount_too_large",
            "items",
            "The order comes to USD 1,000,000.00; at most USD 999,999.99 can be charged at once.",
        ),
        (
            [line(99_999_999)],
            {"shipping": Shipping(price=1)},
            errors.AmountTooLarge,
            "amount_too_large",
            "items",
            "The order comes to USD 1,000,000.00; at most USD 999,999.99 can be charged at once.",
        ),
        (
            [line(100_000_000)],
            {"coupon": percent("50")},
            errors.AmountTooLarge,
            "amount_too_large",
            "items",
            "The order comes to USD 1,000,000.00; at most USD 999,999.99 can be charged at once.",
        ),
        (
            [line(98)],
            {"coupon": percent("50")},
            errors.AmountTooSmall,
            "amount_too_small",
            "items",
            "The order comes to USD 0.49; the least that can be charged is USD 0.50.",
        ),
    ],
)
def test_what_cannot_be_charged_is_refused_with_a_sentence(
    lines: list[Line],
    options: dict[str, Any],
    refusal: type[errors.PricingError],
    code: str,
    field: str,
    message: str,
) -> None:
    with pytest.raises(refusal) as refused:
        price(lines, currency="usd", **options)
    assert (refused.value.code, refused.value.field, refused.value.message) == (code, field, message)


def test_the_bounds_themselves_are_allowed() -> None:
    assert price([line(99_999_999)], currency="usd").total == 99_999_999
    assert price([line(50)], currency="usd").total == 50
    assert price([line(1)], currency="twd").total == 1
    assert price([line(0)], currency="usd").total == 0
    assert price([line(1, 9_999)] * 200, currency="usd").total == 1_999_800


@pytest.mark.parametrize(
    ("unit_price", "shipping", "discount"), [(-100, 0, 0), (4550, 0, 0), (4500, 50, 0), (4500, 0, 1), (4500, -100, 0)]
)
def test_a_price_that_stripe_would_refuse_is_a_bug(unit_price: int, shipping: int, discount: int) -> None:
    sold = Line(unit_price=unit_price, quantity=1, discount=discount)
    with pytest.raises(ValueError, match="is no amount of ISK"):
        price([sold], currency="isk", shipping=Shipping(price=shipping))


@pytest.mark.parametrize(
    "terms",
    [
        {},
        {"percent_off": Decimal(0)},
        {"percent_off": Decimal("100.01")},
        {"percent_off": Decimal(10), "amount_off": 500, "currency": "usd"},
        {"percent_off": Decimal(10), "amount_off": 500},
        {"percent_off": Decimal(0), "amount_off": 500, "currency": "usd"},
        {"amount_off": 500},
        {"amount_off": 0, "currency": "usd"},
    ],
)
def test_a_coupon_takes_off_either_a_percentage_or_an_amount(terms: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="takes off"):
        CouponTerms(code="SAVE", **terms)


def test_the_items_of_one_order_share_one_currency() -> None:
    assert one_currency(["usd", "USD"]) == "usd"
    with pytest.raises(errors.MixedCurrencies) as refused:
        one_currency(["usd", "eur", "usd"])
    assert refused.value.message == "The items of one order share one currency; these are in EUR, USD."
    assert (refused.value.code, refused.value.field) == ("mixed_currencies", "items")
    with pytest.raises(errors.ItemsRequired):
        one_currency([])


@given(priced())
def test_totals_add_up_on_the_step_and_are_whole_numbers(order: tuple[list[Line], Totals]) -> None:
    lines, totals = order
    shares = [each.discount for each in totals.lines]
    parts = [totals.subtotal, totals.discount, totals.shipping, totals.total, *shares]
    assert all(type(part) is int and part >= 0 for part in parts)
    assert all(money.is_on_step(part, totals.currency) for part in parts)
    assert totals.subtotal == sum(each.unit_price * each.quantity for each in lines)
    assert totals.total == totals.subtotal - totals.discount + totals.shipping
    assert (sum(shares), totals.discount <= totals.subtotal) == (totals.discount, True)
    step = money.currency(totals.currency).step
    for each, share in zip(lines, shares, strict=True):
        assert share <= each.amount
        assert abs(share * totals.subtotal - totals.discount * each.amount) < step * max(totals.subtotal, 1)
