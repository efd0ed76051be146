"""Orders whose figures are known, most of them published."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

from ecommerce.pricing.order import CouponTerms, Line, Shipping, Totals, price
from ecommerce.pricing.refunds import OrderCells
from ecommerce.pricing.taxes import Tax

CASES = json.loads((Path(__file__).parent.parent / "ecommerce" / "known_answers.json").read_text())["cases"]
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


def lines_of(case: dict[str, Any]) -> list[Line]:
    return [
        Line(
            unit_price=line["unit_price"],
            quantity=line["quantity"],
            discount=line.get("discount", 0),
            taxes=taxes_of(line),
        )
        for line in case["lines"]
    ]


def priced(case: dict[str, Any]) -> Totals:
    shipping = case["shipping"]
    return price(
        lines_of(case),
        currency=case["currency"],
        coupon=coupon_of(case),
        shipping=Shipping(price=shipping["price"], taxes=taxes_of(shipping), rule=shipping.get("rule", "own"))
        if shipping
        else Shipping(),
        prices_include_tax=case["prices_include_tax"],
        stacked={"US"} if "law" in case["tags"] else (),
    )


def taxes_in(totals: Totals, back: OrderCells) -> dict[str, int]:
    sums: dict[str, int] = {}
    parts = [*zip(totals.lines, back.items, strict=True)]
    pairs = [(tax, amount) for line, cells in parts for tax, amount in zip(line.taxes, cells.taxes, strict=True)]
    pairs += zip(totals.shipping_taxes, back.shipping.taxes, strict=True)
    for priced_tax, amount in pairs:
        sums[named(priced_tax.tax)] = sums.get(named(priced_tax.tax), 0) + amount
    return sums
