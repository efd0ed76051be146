"""All calls to Stripe Tax: plain arguments in, `tax_types` out. https://docs.stripe.com/tax/custom.

A calculation is a read: it keeps nothing here, and nothing follows if it is never used. Of one calculation one sale can
be recorded, so that each order needs its own.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

from billing.gateway import call, client
from billing.gateway_types import GatewayError, InvalidRequest, Misconfigured, Unavailable, Unexpected
from billing.tax_types import (
    CalculatedPart,
    CalculatedTax,
    StripeTaxTransaction,
    TaxAddress,
    TaxCalculation,
    TaxNotCalculated,
    TaxRequest,
    TransactionPart,
)

PAGE = 100
EXPAND = ["line_items.data.tax_breakdown", "shipping_cost.tax_breakdown"]


def calculate(request: TaxRequest) -> TaxCalculation:
    """Calculate the tax of an order before it is placed. Raise TaxNotCalculated.

    Outside any transaction. What Stripe answers must add up, and name each line once: no zero comes of silence.
    """
    try:
        return _checked(_calculation(request), request)
    except InvalidRequest as error:
        raise _refusal(error) from error
    except Misconfigured as error:
        sentence = _("The tax can't be calculated, since Stripe refuses our key. Nothing was charged: tell the staff.")
        raise TaxNotCalculated(sentence, code=error.code, why="refused") from error
    except GatewayError as error:
        sentence = _("The tax can't be calculated, since Stripe does not answer. Nothing was charged: try again.")
        raise TaxNotCalculated(sentence, code=error.code, why="away") from error


def create_tax_transaction(*, params: dict[str, Any], key: str) -> StripeTaxTransaction:
    """Record a sale from its calculation. Raise GatewayError: `InvalidRequest` with `param` "reference" if it is."""
    typed: Any = params  # the SDK wants its own TypedDict
    create = client().v1.tax.transactions.create_from_calculation
    return _transaction(call(lambda: create(typed, {"idempotency_key": key}), "taxes"))


def create_tax_reversal(*, params: dict[str, Any], key: str) -> StripeTaxTransaction:
    """Take a recorded sale, or a reversal, back: all of it or parts. Raise GatewayError, as above."""
    typed: Any = params  # the SDK wants its own TypedDict
    create = client().v1.tax.transactions.create_reversal
    return _transaction(call(lambda: create(typed, {"idempotency_key": key}), "taxes"))


def retrieve_tax_transaction(transaction_id: str) -> StripeTaxTransaction:
    """Fetch a tax transaction by Stripe's id: Stripe lists none, and finds none by its reference."""
    retrieve = client().v1.tax.transactions.retrieve
    return _transaction(call(lambda: retrieve(transaction_id, {"expand": ["line_items"]})))


# The request


def _calculation(request: TaxRequest) -> TaxCalculation:
    params: Any = _params(request)
    calculation = call(lambda: client().v1.tax.calculations.create(params), "taxes")
    try:
        lines = list(_all_lines(calculation, client().v1.tax.calculations.line_items.list, ["data.tax_breakdown"]))
        cost = calculation.shipping_cost
        return TaxCalculation(
            id=calculation.id or "",
            currency=calculation.currency,
            included=request.included,
            lines=tuple(_part(line, line.reference) for line in lines),
            shipping=_part(cost, "") if cost else None,
            tax=calculation.tax_amount_exclusive + calculation.tax_amount_inclusive,
            total=calculation.amount_total,
            expires_at=datetime.fromtimestamp(calculation.expires_at or 0, tz=UTC),
        )
    except (AttributeError, TypeError, ArithmeticError, ValueError) as error:
        raise Unexpected(f"Stripe's tax calculation can't be read: {error!r}") from error


def _params(request: TaxRequest) -> dict[str, Any]:
    behavior = {"tax_behavior": "inclusive" if request.included else "exclusive"}
    customer: dict[str, Any] = {
        "address": _address(request.ship_to),
        "address_source": request.address_source,
        "taxability_override": "customer_exempt" if request.exempt else "none",
    }
    if request.tax_id:
        customer["tax_ids"] = [{"type": request.tax_id.type, "value": request.tax_id.value}]
    lines = [
        {"reference": line.reference, "amount": line.amount, "quantity": line.quantity}
        | ({"tax_code": line.tax_code} if line.tax_code else {})
        | behavior
        for line in request.lines
    ]
    params: dict[str, Any] = {"currency": request.currency, "customer_details": customer, "line_items": lines}
    if request.shipping is not None:
        code = {"tax_code": request.shipping_tax_code} if request.shipping_tax_code else {}
        params["shipping_cost"] = {"amount": request.shipping} | code | behavior
    if request.ship_from:
        params["ship_from_details"] = {"address": _address(request.ship_from)}
    if request.tax_date:
        params["tax_date"] = int(request.tax_date.timestamp())
    return params | {"expand": EXPAND}


def _address(address: TaxAddress) -> dict[str, str]:
    names = ("country", "state", "postal_code", "city", "line1", "line2")
    return {name: value for name in names if (value := getattr(address, name))}


# The answer


def _all_lines(thing: Any, listing: Any, expand: list[str]) -> Iterable[Any]:
    page = thing.line_items
    yield from page.data
    while page.has_more:
        params = {"limit": PAGE, "starting_after": page.data[-1].id} | ({"expand": expand} if expand else {})
        page = call(lambda params=params: listing(thing.id, params))  # type: ignore[misc]
        yield from page.data


def _part(line: Any, reference: str) -> CalculatedPart:
    taxes = tuple(_tax(each) for each in line.tax_breakdown or [])
    return CalculatedPart(reference=reference, amount=line.amount, tax=line.amount_tax, taxes=taxes)


def _tax(tax: Any) -> CalculatedTax:
    place, rate = tax.jurisdiction, tax.tax_rate_details
    return CalculatedTax(
        country=place.country,
        state=place.state or "",
        level=place.level,
        jurisdiction=place.display_name,
        name=rate.display_name if rate else "",
        tax_type=rate.tax_type if rate else "",
        percent=Decimal(rate.percentage_decimal) if rate else Decimal(0),
        reason=tax.taxability_reason,
        taxable=tax.taxable_amount,
        amount=tax.amount,
    )


def _checked(found: TaxCalculation, request: TaxRequest) -> TaxCalculation:
    parts = [*found.lines, *([found.shipping] if found.shipping else [])]
    asked = [(line.reference, line.amount) for line in request.lines]
    asked += [] if request.shipping is None else [("", request.shipping)]
    sums = sum(part.tax for part in parts)
    total = sum(amount for _reference, amount in asked) + (0 if request.included else sums)
    agrees = (
        [(part.reference, part.amount) for part in parts] == asked
        and all(part.taxes and sum(tax.amount for tax in part.taxes) == part.tax for part in parts)
        and (found.tax, found.total, found.currency) == (sums, total, request.currency)
        and bool(found.id)
    )
    if not agrees:
        raise Unexpected(f"Stripe's tax calculation {found.id} does not add up, or is of something else.")
    return found


REFUSALS = {
    "customer_tax_location_invalid": "address",
    "tax_id_invalid": "tax_id",
}


def _refusal(error: InvalidRequest) -> TaxNotCalculated:
    match REFUSALS.get(error.code):
        case "address":
            sentence = _("Stripe can't tell where to tax this address: check its country, state and postal code.")
            return TaxNotCalculated(sentence, code=error.code, why="address")
        case "tax_id":
            sentence = _("Stripe does not know tax ids of this form: check the customer's tax id.")
            return TaxNotCalculated(sentence, code=error.code, why="tax_id")
        case _:
            sentence = _("The tax can't be calculated: Stripe says “%(why)s” Nothing was charged.")
            return TaxNotCalculated(sentence % {"why": error.message}, code=error.code, why="refused")


def _transaction(transaction: Any) -> StripeTaxTransaction:
    listing = client().v1.tax.transactions.line_items.list
    try:
        lines = list(_all_lines(transaction, listing, []))
    except GatewayError as error:
        # To read its further lines failed: that says nothing of the call that recorded it.
        raise Unavailable(error.message, code=error.code) from error
    cost, reversal = transaction.shipping_cost, transaction.reversal
    return StripeTaxTransaction(
        id=transaction.id,
        type=transaction.type,
        reference=transaction.reference,
        currency=transaction.currency,
        created=transaction.created,
        lines=tuple(_transaction_part(line, line.id, line.reference) for line in lines),
        shipping=_transaction_part(cost, "", "") if cost else None,
        original_id=(reversal.original_transaction if reversal else None) or "",
        metadata=transaction.metadata.to_dict() if transaction.metadata else {},
    )


def _transaction_part(line: Any, line_id: str, reference: str) -> TransactionPart:
    included = line.tax_behavior == "inclusive"
    return TransactionPart(id=line_id, reference=reference, amount=line.amount, tax=line.amount_tax, included=included)
