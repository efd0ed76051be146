"""Orders whose figures are known, most of them published: through pricing, and through every sequence of refunds."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from ecommerce.pricing.errors import PricingError
from ecommerce.pricing.order import CouponTerms, Line, Shipping, Totals, price
from ecommerce.pricing.refunds import (
    Cells,
    OrderCells,
    refund_of_amount,
    refund_of_items,
    refund_of_rest,
    refund_of_shipping,
)
from ecommerce.pricing.taxes import Tax

CASES = json.loads(Path(__file__).with_name("known_answers.json").read_text())["cases"]
# An amount that Stripe would not charge: it has an answer, but can't be ordered.
TOO_SMALL = {"K130"}
ORDERED = [case for case in CASES if case["id"] not in TOO_SMALL]
SEQUENCES = [(case, sequence) for case in ORDERED for sequence in case.get("refund_sequences", [])]


def tax_of(given: dict[str, Any]) -> Tax:
    return Tax(
        country=given.get("country", ""),
        region=given.get("region", ""),
        name=given["name"],
        percent=Decimal(given["percent"]),
        category=given["category"],
        reason=given.get("reason", ""),
    )


def named(tax: Tax) -> str:
    return " ".join(filter(None, [tax.country, tax.region, tax.name, f"{tax.percent}%", tax.category]))


def taxes_of(given: dict[str, Any]) -> tuple[Tax, ...]:
    return tuple(map(tax_of, given.get("taxes", [])))


def coupon_of(case: dict[str, Any]) -> CouponTerms | None:
    given = case["order_discount"]
    if not given:
        return None
    if "percent" in given:
        return CouponTerms(code="KNOWN", percent_off=Decimal(given["percent"]))
    return CouponTerms(code="KNOWN", amount_off=given["fixed"], currency=case["currency"])


def priced(case: dict[str, Any]) -> Totals:
    shipping = case["shipping"]
    return price(
        [
            Line(
                unit_price=line["unit_price"],
                quantity=line["quantity"],
                discount=line.get("discount", 0),
                taxes=taxes_of(line),
            )
            for line in case["lines"]
        ],
        currency=case["currency"],
        coupon=coupon_of(case),
        shipping=Shipping(price=shipping["price"], taxes=taxes_of(shipping), rule=shipping.get("rule", "own"))
        if shipping
        else Shipping(),
        prices_include_tax=case["prices_include_tax"],
        taxes_added_before_rounding="law" in case["tags"],
    )


def cells_of(case: dict[str, Any], totals: Totals) -> OrderCells:
    included = totals.prices_include_tax

    def cells(paid: int, taxes: Any, units: int = 0) -> Cells:
        amounts = tuple(tax.amount for tax in taxes)
        return Cells(goods=paid - (sum(amounts) if included else 0), taxes=amounts, units=units)

    items = (
        cells(line.amount - line.discount, line.taxes, given["quantity"])
        for line, given in zip(totals.lines, case["lines"], strict=True)
    )
    return OrderCells(items=tuple(items), shipping=cells(totals.shipping, totals.shipping_taxes))


def taxes_in(totals: Totals, back: OrderCells) -> dict[str, int]:
    sums: dict[str, int] = {}
    parts = [*zip(totals.lines, back.items, strict=True)]
    pairs = [(tax, amount) for line, cells in parts for tax, amount in zip(line.taxes, cells.taxes, strict=True)]
    pairs += zip(totals.shipping_taxes, back.shipping.taxes, strict=True)
    for priced_tax, amount in pairs:
        sums[named(priced_tax.tax)] = sums.get(named(priced_tax.tax), 0) + amount
    return sums


def refunded(left: OrderCells, step: dict[str, Any], currency: str) -> OrderCells:
    if "lines" in step:
        return refund_of_items(left, dict(step["lines"]), currency=currency)
    if "amount" in step:
        return refund_of_amount(left, step["amount"], currency=currency)
    return refund_of_shipping(left) if step.get("shipping") else refund_of_rest(left)


@pytest.mark.parametrize("case", ORDERED, ids=lambda case: case["id"])
def test_an_order_comes_to_its_known_figures(case: dict[str, Any]) -> None:
    totals, expected = priced(case), case["expected"]
    assert {name: getattr(totals, name) for name in ("subtotal", "discount", "shipping", "tax", "total")} == {
        name: expected[name] for name in ("subtotal", "discount", "shipping", "tax", "total")
    }
    assert {named(tax.tax): (tax.taxable, tax.amount) for tax in totals.taxes} == {
        tax["tax"]: (tax["base"], tax["amount"]) for tax in expected["taxes"]
    }
    assert cells_of(case, totals).total == totals.total


@pytest.mark.parametrize("case", [case for case in CASES if case["id"] in TOO_SMALL], ids=lambda case: case["id"])
def test_less_than_stripe_charges_is_refused(case: dict[str, Any]) -> None:
    with pytest.raises(PricingError) as refused:
        priced(case)
    assert refused.value.code == "amount_too_small"


@pytest.mark.parametrize(("case", "sequence"), SEQUENCES, ids=lambda given: given.get("id", ""))
def test_refunds_give_back_what_is_known(case: dict[str, Any], sequence: dict[str, Any]) -> None:
    totals = priced(case)
    whole = left = cells_of(case, totals)
    for step, expected in zip(sequence["steps"], sequence["expected"]["steps"], strict=True):
        if step.get("refused"):
            with pytest.raises(PricingError):
                refunded(left, step, case["currency"])
            continue
        back = refunded(left, step, case["currency"])
        assert left.holds(back)
        left = left.less(back)
        lowest, highest = expected["money"]
        assert lowest <= back.total <= highest
        taxes = taxes_in(totals, back)
        assert all(low <= taxes.get(tax, 0) <= high for tax, (low, high) in expected["tax"].items())
        lowest, highest = expected["given_back"]
        assert lowest <= whole.total - left.total <= highest
    end = sequence["expected"]["end"]
    assert whole.total - left.total == end["money"]
    given_back = taxes_in(totals, whole.less(left))
    assert {tax: given_back.get(tax, 0) for tax in end["tax"]} == end["tax"]
