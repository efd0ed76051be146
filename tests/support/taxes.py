"""Sales and refunds whose tax Stripe records, as rows of billing alone."""

from typing import Any
from uuid import uuid4

from django.utils import timezone

from billing import gateway_tax, restore, tax_transactions
from billing.models import Invoice, Payment, Refund, TaxTransaction
from billing.tax_codes import SHIPPING_TAX_CODE, TAX_CODES
from billing.tax_types import TaxableLine, TaxAddress, TaxCalculation, TaxRequest
from customers.models import Customer
from tests.support.factories import ANA, make_customer

BERLIN = TaxAddress(country="DE", postal_code="10115", city="Berlin")
NEW_YORK = TaxAddress(country="US", state="NY", postal_code="10001")


def request_for(*amounts: int, **fields: Any) -> TaxRequest:
    """Ask for the tax of lines of these amounts, L1, L2 and so on, that go to Berlin."""
    code = TAX_CODES[fields.pop("category", "standard")]
    lines = tuple(
        TaxableLine(reference=f"L{number}", amount=amount, tax_code=code)
        for number, amount in enumerate(amounts, start=1)
    )
    known: dict[str, Any] = {"currency": "eur", "included": False, "ship_to": BERLIN}
    return TaxRequest(lines=lines, shipping_tax_code=SHIPPING_TAX_CODE, **(known | fields))


def paid_invoice(calculation: TaxCalculation) -> tuple[Invoice, Payment]:
    """Make a paid invoice of what was calculated."""
    restore.state()  # a database that has payments before it has this is taken for a restored one
    customer = Customer.objects.first() or make_customer()
    shipping = calculation.shipping
    invoice = Invoice.objects.create(
        number=f"INV-{uuid4().hex[:12]}",
        customer=customer,
        reference=uuid4().hex[:12],
        status=Invoice.Status.PAID,
        currency=calculation.currency,
        subtotal=sum(line.amount for line in calculation.lines),
        shipping=shipping.amount if shipping else 0,
        shipping_tax=shipping.tax if shipping else 0,
        tax=calculation.tax,
        prices_include_tax=calculation.included,
        total=calculation.total,
        amount_paid=calculation.total,
        bill_to={},
        paid_at=timezone.now(),
    )
    payment = Payment.objects.create(
        invoice=invoice,
        amount=invoice.total,
        currency=invoice.currency,
        status=Payment.Status.SUCCEEDED,
        stripe_payment_intent_id=f"pi_{uuid4().hex}",
        next_attempt_at=None,
        closed_at=timezone.now(),
    )
    return invoice, payment


def sale(*amounts: int, **fields: Any) -> TaxTransaction:
    """Have a sale recorded, whenever it is executed."""
    calculation = gateway_tax.calculate(request_for(*amounts, **fields))
    invoice, payment = paid_invoice(calculation)
    return tax_transactions.request_transaction(
        invoice=invoice, payment=payment, calculation_id=calculation.id, at=timezone.now()
    )


def refund_of(row: TaxTransaction, amount: int) -> Refund:
    """Make an accepted refund of a sale."""
    return Refund.objects.create(
        payment=row.invoice.payments.get(),
        amount=amount,
        currency=row.currency,
        status=Refund.Status.SUCCEEDED,
        stripe_refund_id=f"re_{uuid4().hex}",
        next_attempt_at=None,
        closed_at=timezone.now(),
        **ANA.columns,
    )


def execute(row: TaxTransaction | None) -> TaxTransaction:
    """Execute one as a worker does, now; give it as it is then."""
    assert row
    TaxTransaction.objects.filter(pk=row.pk, next_attempt_at__isnull=False).update(next_attempt_at=timezone.now())
    tax_transactions.execute(tax_transaction_id=row.pk)
    return TaxTransaction.objects.get(pk=row.pk)
