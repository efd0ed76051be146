"""Calls that the tests of taxes make."""

from typing import Any

import stripe

NEW_YORK = {"country": "US", "state": "NY", "postal_code": "10001", "city": "New York", "line1": "1 Broadway"}
SEATTLE = {"country": "US", "state": "WA", "postal_code": "98104"}
BERLIN = {"country": "DE", "postal_code": "10115"}
GOODS, BOOKS, DIGITAL = "txcd_99999999", "txcd_35010000", "txcd_10000000"
BREAKDOWN = ["line_items.data.tax_breakdown", "shipping_cost.tax_breakdown"]


def calculate(
    client: stripe.StripeClient, *amounts: int, to: dict[str, str] | None = None, code: str = GOODS, **fields: Any
) -> stripe.tax.Calculation:
    """Calculate the tax of lines of these amounts: L1, L2 and so on."""
    behavior = fields.pop("behavior", "exclusive")
    details = {"address": to or NEW_YORK, "address_source": "shipping"} | fields.pop("customer", {})
    lines = [
        {"amount": amount, "reference": f"L{number}", "tax_code": code, "tax_behavior": behavior}
        for number, amount in enumerate(amounts, start=1)
    ]
    params: Any = {
        "currency": "usd",
        "customer_details": details,
        "line_items": lines,
        "expand": BREAKDOWN,
        **fields,
    }
    return client.v1.tax.calculations.create(params)


def sell(client: stripe.StripeClient, *amounts: int, reference: str, **fields: Any) -> stripe.tax.Transaction:
    """Record a sale."""
    calculation = calculate(client, *amounts, **fields)
    params: Any = {"calculation": calculation.id, "reference": reference, "expand": ["line_items"]}
    return client.v1.tax.transactions.create_from_calculation(params)


def reverse(
    client: stripe.StripeClient, sale: stripe.tax.Transaction, *, reference: str, mode: str = "partial", **fields: Any
) -> stripe.tax.Transaction:
    """Take a sale back, or a part of it."""
    params: Any = {"mode": mode, "original_transaction": sale.id, "reference": reference, **fields}
    return client.v1.tax.transactions.create_reversal(params | {"expand": ["line_items"]})


def part(sale: stripe.tax.Transaction, line: int, amount: int, tax: int) -> dict[str, Any]:
    """One line of a partial reversal."""
    assert sale.line_items
    original = sale.line_items.data[line]
    return {
        "original_line_item": original.id,
        "reference": original.reference,
        "amount": amount,
        "amount_tax": tax,
    }


def amounts(transaction: stripe.tax.Transaction) -> list[tuple[int, int]]:
    """The amount and the tax of each line."""
    assert transaction.line_items
    return [(line.amount, line.amount_tax) for line in transaction.line_items.data]
