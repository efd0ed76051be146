from collections.abc import Callable
from dataclasses import astuple, replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from billing import money
from ecommerce import pricing
from ecommerce.pricing import CouponTerms, Line, Totals

codes = st.sampled_from(["usd", "eur", "jpy", "kwd", "isk", "ugx", "huf"])


def line(unit_price: int, quantity: int = 1, sku_id: int = 101) -> Line:
    return Line(sku_id=sku_id, unit_price=unit_price, quantity=quantity)


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
        totals = pricing.price(lines, currency=currency, coupon=coupon, shipping=draw(prices), tax=draw(prices))
    except pricing.PricingError:
        assume(False)
        raise
    return lines, totals


def test_an_order_adds_up() -> None:
    lines = [line(1500, 2), line(1250)]
    assert pricing.price(lines, currency="usd", coupon=percent("10"), shipping=500, tax=340) == Totals(
        currency="usd", amounts=(3000, 1250), subtotal=4250, discount=425, shipping=500, tax=340, total=4665
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
    totals = pricing.price([line(unit_price)], currency=currency, coupon=coupon)
    assert (totals.discount, totals.total) == (discount, unit_price - discount)


def test_a_coupon_of_a_hundred_percent_leaves_shipping_and_tax() -> None:
    totals = pricing.price([line(4500)], currency="usd", coupon=percent("100"), shipping=500, tax=40)
    assert totals.total == 540


@pytest.mark.parametrize(
    ("lines", "options", "refusal", "code", "field", "message"),
    [
        ([], {}, pricing.ItemsRequired, "items_required", "items", "Choose at least one item."),
        (
            [line(100)] * 201,
            {},
            pricing.TooManyItems,
            "too_many_items",
            "items",
            "An order has at most 200 lines; this one has 201.",
        ),
        (
            [line(100, 0)],
            {},
            pricing.InvalidQuantity,
            "invalid_quantity",
            "items",
            "A quantity is a whole number from 1 to 999, not 0.",
        ),
        (
            [line(100), line(100, 1000)],
            {},
            pricing.InvalidQuantity,
            "invalid_quantity",
            "items",
            "A quantity is a whole number from 1 to 999, not 1000.",
        ),
        (
            [line(4500)],
            {"coupon": fixed(500, "eur")},
            pricing.CouponCurrencyMismatch,
            "invalid_coupon",
            "coupon_code",
            "Coupon MINUS takes off an amount in EUR; this order is in USD.",
        ),
        (
            [line(50_000_000, 2)],
            {},
            pricing.AmountTooLarge,
            "amount_too_large",
            "items",
            "The order comes to USD 1,000,000.00; at most USD 999,999.99 can be charged at once.",
        ),
        (
            [line(99_999_999)],
            {"tax": 1},
            pricing.AmountTooLarge,
            "amount_too_large",
            "items",
            "The order comes to USD 1,000,000.00; at most USD 999,999.99 can be charged at once.",
        ),
        (
            [line(100_000_000)],
            {"coupon": percent("50")},
            pricing.AmountTooLarge,
            "amount_too_large",
            "items",
            "The order comes to USD 1,000,000.00; at most USD 999,999.99 can be charged at once.",
        ),
        (
            [line(98)],
            {"coupon": percent("50")},
            pricing.AmountTooSmall,
            "amount_too_small",
            "items",
            "The order comes to USD 0.49; the least that can be charged is USD 0.50.",
        ),
    ],
)
def test_what_cannot_be_charged_is_refused_with_a_sentence(
    lines: list[Line],
    options: dict[str, Any],
    refusal: type[pricing.PricingError],
    code: str,
    field: str,
    message: str,
) -> None:
    with pytest.raises(refusal) as refused:
        pricing.price(lines, currency="usd", **options)
    assert (refused.value.code, refused.value.field, refused.value.message) == (code, field, message)


def test_the_bounds_themselves_are_allowed() -> None:
    assert pricing.price([line(99_999_999)], currency="usd").total == 99_999_999
    assert pricing.price([line(50)], currency="usd").total == 50
    assert pricing.price([line(1)], currency="twd").total == 1
    assert pricing.price([line(0)], currency="usd").total == 0
    assert pricing.price([line(1, 999)] * 200, currency="usd").total == 199_800


@pytest.mark.parametrize(
    ("unit_price", "shipping", "tax"), [(-100, 0, 0), (4550, 0, 0), (4500, 50, 0), (4500, 0, 1), (4500, -100, 0)]
)
def test_a_price_that_stripe_would_refuse_is_a_bug(unit_price: int, shipping: int, tax: int) -> None:
    with pytest.raises(ValueError, match="is no amount of ISK"):
        pricing.price([line(unit_price)], currency="isk", shipping=shipping, tax=tax)


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
    with pytest.raises(ValueError, match="Coupon SAVE takes off either"):
        CouponTerms(code="SAVE", **terms)


def test_the_items_of_one_order_share_one_currency() -> None:
    assert pricing.one_currency(["usd", "USD"]) == "usd"
    with pytest.raises(pricing.MixedCurrencies) as refused:
        pricing.one_currency(["usd", "eur", "usd"])
    assert refused.value.message == "The items of one order share one currency; these are in EUR, USD."
    assert (refused.value.code, refused.value.field) == ("mixed_currencies", "items")
    with pytest.raises(pricing.ItemsRequired):
        pricing.one_currency([])


def test_the_discount_is_shared_by_largest_remainder() -> None:
    assert pricing.discount_shares([line(100), line(100), line(100)], 100, currency="usd") == [34, 33, 33]
    assert pricing.discount_shares([line(1000), line(0), line(2000)], 100, currency="usd") == [33, 0, 67]
    assert pricing.discount_shares([line(100), line(200)], 100, currency="isk") == [0, 100]
    assert pricing.discount_shares([line(0)], 0, currency="usd") == [0]


def test_a_discount_off_the_step_is_not_shared() -> None:
    with pytest.raises(ValueError, match="50 is no amount of ISK"):
        pricing.discount_shares([line(100)], 50, currency="isk")


def test_an_item_that_comes_back_carries_its_part_of_the_discount() -> None:
    lines = [line(1000, 3), line(500)]
    totals = pricing.price(lines, currency="usd", coupon=percent("10"), shipping=400)
    refunds = [
        pricing.refund_for_items(lines, totals, returned=before, returning=now)
        for before, now in [((0, 0), (1, 0)), ((1, 0), (1, 1)), ((2, 1), (1, 0))]
    ]
    assert refunds == [900, 1350, 1300]
    assert sum(refunds) == totals.total


def test_the_tax_of_a_free_order_goes_back_with_its_items() -> None:
    lines = [line(1000, 1), line(500, 2)]
    totals = pricing.price(lines, currency="usd", coupon=percent("100"), tax=300)
    assert pricing.refund_for_items(lines, totals, returned=(0, 0), returning=(0, 1)) == 100


@pytest.mark.parametrize(("returned", "returning"), [((0, 0), (4, 0)), ((2, 0), (2, 0)), ((1, 0), (-1, 1))])
def test_no_more_comes_back_than_was_bought(returned: tuple[int, int], returning: tuple[int, int]) -> None:
    lines = [line(1000, 3), line(500)]
    totals = pricing.price(lines, currency="usd")
    with pytest.raises(pricing.InvalidQuantity) as refused:
        pricing.refund_for_items(lines, totals, returned=returned, returning=returning)
    assert refused.value.message == f"{3 - returned[0]} of 3 are left to return, not {returning[0]}."


def test_a_frozen_order_with_amounts_off_the_step_is_a_bug() -> None:
    lines = [line(100)]
    totals = replace(pricing.price(lines, currency="isk"), tax=50)
    with pytest.raises(ValueError, match="50 is no amount of ISK"):
        pricing.refund_for_items(lines, totals, returned=(0,), returning=(1,))


@given(priced())
def test_totals_add_up_on_the_step_and_are_whole_numbers(order: tuple[list[Line], Totals]) -> None:
    lines, totals = order
    sums = astuple(totals)[2:]
    assert all(type(part) is int and part >= 0 for part in [*sums, *totals.amounts])
    assert all(money.is_on_step(part, totals.currency) for part in [*sums, *totals.amounts])
    assert totals.subtotal == sum(totals.amounts) == sum(each.unit_price * each.quantity for each in lines)
    assert totals.total == totals.subtotal - totals.discount + totals.shipping + totals.tax
    assert totals.discount <= totals.subtotal


@given(priced())
def test_shares_add_up_and_none_is_above_its_line(order: tuple[list[Line], Totals]) -> None:
    lines, totals = order
    shares = pricing.discount_shares(lines, totals.discount, currency=totals.currency)
    step = money.currency(totals.currency).step
    assert sum(shares) == totals.discount
    for each, share in zip(lines, shares, strict=True):
        assert type(share) is int
        assert 0 <= share <= each.amount
        assert share % step == 0
        assert abs(share * totals.subtotal - totals.discount * each.amount) < step * max(totals.subtotal, 1)


@given(priced(), st.data())
def test_however_an_order_is_returned_its_refunds_add_up_to_its_total(
    order: tuple[list[Line], Totals], data: st.DataObject
) -> None:
    lines, totals = order
    items = data.draw(st.permutations([place for place, each in enumerate(lines) for _ in range(each.quantity)]))
    refunds, returned = [], [0] * len(lines)
    while items:
        count = data.draw(st.integers(1, len(items)))
        parcel, items = items[:count], items[count:]
        returning = [parcel.count(place) for place in range(len(lines))]
        refunds.append(pricing.refund_for_items(lines, totals, returned=returned, returning=returning))
        returned = [before + now for before, now in zip(returned, returning, strict=True)]
    assert sum(refunds) == totals.total
    assert all(type(refund) is int and refund >= 0 for refund in refunds)
    assert all(money.is_on_step(refund, totals.currency) for refund in refunds)
    nothing = [0] * len(lines)
    assert pricing.refund_for_items(lines, totals, returned=returned, returning=nothing) == 0
