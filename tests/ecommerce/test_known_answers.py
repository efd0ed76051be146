"""Orders whose figures are known, most of them published: through pricing, and through every sequence of refunds."""

from typing import Any

import pytest

from ecommerce.pricing.errors import PricingError
from ecommerce.pricing.refunds import (
    OrderCells,
    refund_of_amount,
    refund_of_items,
    refund_of_rest,
    refund_of_shipping,
)
from tests.support.known_answers import CASES, ORDERED, SEQUENCES, TOO_SMALL, lines_of, named, priced, taxes_in
from tests.support.sales import cells_of


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
    assert cells_of(totals, lines_of(case)).total == totals.total


@pytest.mark.parametrize("case", [case for case in CASES if case["id"] in TOO_SMALL], ids=lambda case: case["id"])
def test_less_than_stripe_charges_is_refused(case: dict[str, Any]) -> None:
    with pytest.raises(PricingError) as refused:
        priced(case)
    assert refused.value.code == "amount_too_small"


@pytest.mark.parametrize(("case", "sequence"), SEQUENCES, ids=lambda given: given.get("id", ""))
def test_refunds_give_back_what_is_known(case: dict[str, Any], sequence: dict[str, Any]) -> None:
    totals = priced(case)
    whole = left = cells_of(totals, lines_of(case))
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
