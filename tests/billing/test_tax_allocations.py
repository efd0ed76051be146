from typing import Any

import pytest
from django.utils import timezone

from billing import gateway_tax, tax_transactions
from billing.models import InvoiceLine, InvoiceTax, RefundAllocation, TaxTransaction
from billing.tax_allocations import line_reference, reversals_of
from billing.tax_transactions import ReversedPart
from tests.support.taxes import execute, refund_of, sale

pytestmark = pytest.mark.django_db
NOW = timezone.now


def invoiced(*prices: int, shipping: int) -> tuple[TaxTransaction, list[InvoiceLine], list[InvoiceTax]]:
    """Make a recorded sale whose invoice has lines with one tax of 19 % each, and shipping with another."""
    row = execute(sale(*prices, shipping=shipping))
    known: dict[str, Any] = {"invoice": row.invoice, "country": "DE", "name": "USt", "rate": "19", "category": "S"}
    lines, taxes = [], []
    for price in prices:
        tax = price * 19 // 100
        line = InvoiceLine.objects.create(
            invoice=row.invoice,
            sku_code="MUG",
            description="Mug",
            quantity=2,
            unit_price=price // 2,
            amount=price,
            tax=tax,
        )
        lines.append(line)
        taxes.append(InvoiceTax.objects.create(line=line, taxable=price, amount=tax, **known))
    taxes.append(InvoiceTax.objects.create(taxable=shipping, amount=shipping * 19 // 100, **known))
    return row, lines, taxes


def test_a_refund_is_told_by_lines_and_shipping() -> None:
    row, (first, second), (tax, second_tax, shipping_tax) = invoiced(1000, 2000, shipping=500)
    refund = refund_of(row, 595 + 238 + 595)
    cells: list[dict[str, Any]] = [
        {"invoice_line": first, "amount": 500, "quantity": 1},
        {"invoice_line": first, "invoice_tax": tax, "amount": 95},
        {"invoice_line": second, "amount": 200},
        {"invoice_line": second, "invoice_tax": second_tax, "amount": 38},
        {"amount": 500},
        {"invoice_tax": shipping_tax, "amount": 95},
    ]
    for cell in cells:
        RefundAllocation.objects.create(refund=refund, **cell)
    (reversal,) = reversals_of([refund])
    assert list(reversal.lines) == [
        ReversedPart(reference=line_reference(1), goods=500, tax=95, quantity=1),
        ReversedPart(reference=line_reference(2), goods=200, tax=38, quantity=0),
    ]
    assert reversal.shipping == ReversedPart(reference="", goods=500, tax=95, quantity=0)
    (requested,) = tax_transactions.request_reversals(reversals=[reversal], at=NOW())
    back = execute(requested)
    assert (back.status, back.attention, back.amount, back.tax) == ("recorded", "", 1428, 228)
    assert gateway_tax.retrieve_tax_transaction(back.stripe_id or "").gross == -1428


def test_many_refunds_are_read_in_two_statements(django_assert_num_queries: Any) -> None:
    refunds = []
    for _ in range(3):
        row, (line, *_rest), _taxes = invoiced(1000, 1000, shipping=0)
        refund = refund_of(row, 100)
        RefundAllocation.objects.create(refund=refund, invoice_line=line, amount=100)
        refunds.append(refund)
    with django_assert_num_queries(2):
        reversals = reversals_of(refunds)
    assert [(each.refund, [part.goods for part in each.lines]) for each in reversals] == [
        (refund, [100]) for refund in refunds
    ]


def test_a_refund_that_gives_nothing_back_is_not_told() -> None:
    row, _lines, _taxes = invoiced(1000, shipping=0)
    reversals = reversals_of([refund_of(row, 100)])
    assert tax_transactions.request_reversals(reversals=reversals, at=NOW()) == []
