"""Stripe Tax's calculations (https://docs.stripe.com/api/tax/calculations). Each line is rounded by itself."""

from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction
from typing import Any

from fake_stripe.currencies import amount_step, check_currency, check_step
from fake_stripe.endpoints import RequestContext, endpoint
from fake_stripe.errors import JsonObject, invalid_parameter, invalid_request, missing_parameter, resource_missing
from fake_stripe.parameters import (
    ADDRESS,
    CURSOR,
    Parser,
    array,
    choice,
    integer,
    metadata,
    nested,
    not_simulated,
    text,
)
from fake_stripe.store import new_id
from fake_stripe.tax_lines import line_page, shown
from fake_stripe.tax_rates import (
    DEFAULT_CODE,
    DEFAULT_SHIPPING_CODE,
    HEAD_OFFICE,
    TAX_CODES,
    TAX_IDS,
    Rate,
    Taxability,
    is_located,
    taxability,
)

LIFETIME, DATES = 90 * 24 * 3600, 31 * 24 * 3600
MOST_LINES = 100
ZERO_WITH_RATE = {"zero_rated", "reverse_charge"}  # Stripe names no rate for what is not taxed at all


def _tax_code(value: Any, param: str) -> str:
    code = text()(value, param)
    if code not in TAX_CODES:
        raise invalid_parameter(f"Invalid tax code: {code}", param=param)
    return str(code)


_behavior = choice("exclusive", "inclusive")
_address = nested({**ADDRESS, "country": text()}, required=("country",))
_tax_id = nested({"type": choice(*TAX_IDS), "value": text()}, required=("type", "value"))
_customer_details = {
    "address": _address,
    "address_source": choice("billing", "shipping"),
    "tax_ids": array(_tax_id),
    "taxability_override": choice("customer_exempt", "none", "reverse_charge"),
    **not_simulated("ip_address"),
}
_line_item = {
    "amount": integer(0),
    "metadata": metadata,
    "quantity": integer(1),
    "reference": text(500),
    "tax_behavior": _behavior,
    "tax_code": _tax_code,
    **not_simulated("performance_location product"),
}
_shipping_cost = {
    "amount": integer(0),
    "tax_behavior": _behavior,
    "tax_code": _tax_code,
    **not_simulated("shipping_rate"),
}
CREATE: dict[str, Parser] = {
    "currency": text(3),
    "customer_details": nested(_customer_details),
    "line_items": array(nested(_line_item, required=("amount",))),
    "ship_from_details": nested({"address": _address}, required=("address",)),
    "shipping_cost": nested(_shipping_cost, required=("amount",)),
    "tax_date": integer(),
    **not_simulated("customer"),
}


@endpoint("POST", "tax/calculations", CREATE, required=("currency", "line_items"))
def create(context: RequestContext) -> JsonObject:
    params, now = context.params, context.store.now()
    currency = check_currency(params["currency"])
    customer = _customer(params)
    _check_lines(params["line_items"], currency)
    date = _tax_date(params.get("tax_date", now), now)
    origin = params.get("ship_from_details", {}).get("address", {}).get("country", HEAD_OFFICE)
    lines = [_line(each, customer, origin, currency) for each in params["line_items"]]
    cost = params.get("shipping_cost")
    shipping = _taxed(cost, customer, origin, currency, DEFAULT_SHIPPING_CODE) if cost else None
    priced = [*lines, *([shipping] if shipping else [])]
    calculation = {
        "id": new_id("taxcalc"),
        "object": "tax.calculation",
        "amount_total": sum(each["amount"] for each in priced) + _tax(priced, "exclusive"),
        "currency": currency,
        "customer": None,
        "customer_details": customer,
        "expires_at": now + LIFETIME,
        "livemode": False,
        "ship_from_details": _ship_from(params),
        "shipping_cost": shipping,
        "tax_amount_exclusive": _tax(priced, "exclusive"),
        "tax_amount_inclusive": _tax(priced, "inclusive"),
        "tax_breakdown": _summary(priced),
        "tax_date": date,
        "_lines": lines,
    }
    context.store.insert(calculation)
    return shown(context, calculation)


def find_calculation(context: RequestContext, param: str = "") -> JsonObject:
    """Like `context.get`; raise for one that has expired."""
    calculation = context.get("tax.calculation", param)
    if calculation["expires_at"] <= context.store.now():
        if param:
            raise invalid_request(f"The tax calculation {calculation['id']} has expired.", param=param)
        raise resource_missing("tax calculation", calculation["id"], param="calculation")
    return calculation


@endpoint("GET", "tax/calculations/{id}")
def retrieve(context: RequestContext) -> JsonObject:
    return shown(context, find_calculation(context))


@endpoint("GET", "tax/calculations/{id}/line_items", CURSOR)
def line_items(context: RequestContext) -> JsonObject:
    calculation = find_calculation(context)
    return line_page(context, calculation, url=f"/v1/tax/calculations/{calculation['id']}/line_items")


def _customer(params: JsonObject) -> JsonObject:
    details = params.get("customer_details", {})
    if "address" not in details:
        raise missing_parameter("customer_details[address]")
    address = {**dict.fromkeys(ADDRESS), **details["address"]}
    if not is_located(address):
        raise invalid_request(
            "We could not determine the customer's tax location based on the provided customer address.",
            param="customer_details[address]",
            code="customer_tax_location_invalid",
        )
    for number, each in enumerate(details.get("tax_ids", [])):
        if not TAX_IDS[each["type"]].fullmatch(each["value"]):
            param = f"customer_details[tax_ids][{number}][value]"
            raise invalid_request(f"Invalid value for {each['type']}.", param=param, code="tax_id_invalid")
    return {
        "address": address,
        "address_source": details.get("address_source"),
        "ip_address": None,
        "tax_ids": details.get("tax_ids", []),
        "taxability_override": details.get("taxability_override", "none"),
    }


def _check_lines(lines: list[JsonObject], currency: str) -> None:
    if not 0 < len(lines) <= MOST_LINES:
        raise invalid_parameter(f"You must pass between 1 and {MOST_LINES} line items.", param="line_items")
    for line in lines:
        check_step(line["amount"], currency)
    references = [line["reference"] for line in lines if "reference" in line]
    if len(references) != len(set(references)):
        raise invalid_request("Each line item must have a unique reference.", param="line_items")


def _tax_date(date: int, now: int) -> int:
    if abs(date - now) > DATES:
        message = "The tax_date must be within 31 days in the past and 31 days in the future."
        raise invalid_request(message, param="tax_date")
    return date


def _ship_from(params: JsonObject) -> JsonObject | None:
    details = params.get("ship_from_details")
    return details and {"address": {**dict.fromkeys(ADDRESS), **details["address"]}}


def _line(item: JsonObject, customer: JsonObject, origin: str, currency: str) -> JsonObject:
    line_id = new_id("tax_li", 14)
    return {
        "id": line_id,
        "object": "tax.calculation_line_item",
        "livemode": False,
        "metadata": item.get("metadata"),
        "product": None,
        "quantity": item.get("quantity", 1),
        "reference": item.get("reference", line_id),
        **_taxed(item, customer, origin, currency, DEFAULT_CODE),
    }


def _taxed(item: JsonObject, customer: JsonObject, origin: str, currency: str, default_code: str) -> JsonObject:
    code, behavior = item.get("tax_code", default_code), item.get("tax_behavior", "exclusive")
    taxed = taxability(customer, origin=origin, code=code)
    percents = [Fraction(rate.percent) for rate in taxed.rates]
    base = 100 + sum(percents) if behavior == "inclusive" else Fraction(100)
    taxes = _rounded([item["amount"] * percent / base for percent in percents], amount_step(currency))
    net = item["amount"] - (sum(taxes) if behavior == "inclusive" else 0)
    return {
        "amount": item["amount"],
        "amount_tax": sum(taxes),
        "tax_behavior": behavior,
        "tax_code": code,
        "_taxes": [_tax_of(taxed, rate, tax, net) for rate, tax in zip(taxed.rates, taxes, strict=True)],
        "_type": taxed.kind,
    }


def _rounded(exact: list[Fraction], step: int) -> list[int]:
    """Round the sum half up, and lay it on the jurisdictions by largest remainder."""
    steps = [each / step for each in exact]
    down = [int(each) for each in steps]
    left = int(sum(steps) + Fraction(1, 2)) - sum(down)
    by_remainder = sorted(range(len(steps)), key=lambda place: (down[place] - steps[place], place))
    more = set(by_remainder[:left])
    return [(each + (place in more)) * step for place, each in enumerate(down)]


def _tax_of(taxed: Taxability, rate: Rate, tax: int, net: int) -> JsonObject:
    rated = taxed.reason.endswith("_rated") or taxed.reason in ZERO_WITH_RATE
    return {
        "amount": tax,
        "jurisdiction": {
            "country": taxed.country,
            "display_name": rate.place,
            "level": rate.level,
            "state": taxed.state,
        },
        "sourcing": "destination",
        "tax_rate_details": {
            "display_name": rate.name or "VAT",
            "percentage_decimal": rate.percent,
            "tax_type": taxed.kind,
        }
        if rated
        else None,
        "taxability_reason": taxed.reason,
        "taxable_amount": net if rated else 0,
    }


def _tax(priced: Iterable[JsonObject], behavior: str) -> int:
    return sum(each["amount_tax"] for each in priced if each["tax_behavior"] == behavior)


def _summary(priced: Iterable[JsonObject]) -> list[JsonObject]:
    """The taxes by state or country, each as the sum of its jurisdictions' rates."""
    found: dict[tuple[Any, ...], JsonObject] = {}
    for each in priced:
        first, inclusive = each["_taxes"][0], each["tax_behavior"] == "inclusive"
        rates = [tax["tax_rate_details"] for tax in each["_taxes"] if tax["tax_rate_details"]]
        percent = str(sum((Decimal(rate["percentage_decimal"]) for rate in rates), Decimal("0.0")))
        where = first["jurisdiction"]
        entry = {
            "amount": 0,
            "inclusive": inclusive,
            "tax_rate_details": {
                "country": where["country"],
                "flat_amount": None,
                "percentage_decimal": percent,
                "rate_type": "percentage" if rates else None,
                "state": where["state"],
                "tax_type": each["_type"],
            },
            "taxability_reason": first["taxability_reason"],
            "taxable_amount": 0,
        }
        same = found.setdefault((inclusive, percent, first["taxability_reason"]), entry)
        same["amount"] += each["amount_tax"]
        same["taxable_amount"] += first["taxable_amount"]
    return list(found.values())
