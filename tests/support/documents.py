"""Documents without rows: one invoice of a German seller to a French consumer, and its credit note."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

from billing.documents.document import (
    DocumentLine,
    DocumentTax,
    InvoiceDocument,
    LineTax,
    Party,
    ShippingCharge,
)

SELLER = Party(
    name="Beispiel GmbH",
    line1="Invalidenstraße 1",
    city="Berlin",
    postal_code="10115",
    country="DE",
    tax_id="DE136695976",
    email="billing@shop.example",
)
BUYER = Party(
    name="Ada Lovelace",
    line1="1 Rue de la Paix",
    city="Paris",
    postal_code="75002",
    country="FR",
    email="ada@example.com",
)


def vat(taxable: int, amount: int, *, category: str = "S", rate: str = "19", reason: str = "") -> LineTax:
    return LineTax(category=category, rate=Decimal(rate), taxable=taxable, amount=amount, reason=reason, label="VAT")


def a_line(
    net: int, tax: int, *, quantity: int = 1, position: int = 1, discount: int = 0, taxes: tuple[LineTax, ...] = ()
) -> DocumentLine:
    """A line whose price is without taxes."""
    return DocumentLine(
        position=position,
        code=f"WARE-{position}",
        description=f"Ware {position}",
        quantity=quantity,
        unit_price=(net + discount) // quantity if quantity > 0 else 0,
        amount=net + discount,
        discount=discount,
        net=net,
        tax=tax,
        taxes=taxes or (vat(net, tax),),
    )


def an_invoice(
    *lines: DocumentLine, shipping: ShippingCharge | None = None, currency: str = "eur", **fields: object
) -> InvoiceDocument:
    lines = lines or (a_line(2000, 380, quantity=2),)
    net = sum(line.net for line in lines) + (shipping.net if shipping else 0)
    tax = sum(line.tax for line in lines) + (shipping.tax if shipping else 0)
    document = InvoiceDocument(
        kind="invoice",
        number="INV-000042",
        issued_on=date(2026, 11, 3),
        delivered_on=date(2026, 11, 3),
        order_number="1042",
        currency=currency,
        prices_include_tax=False,
        seller=SELLER,
        buyer=BUYER,
        ship_to=BUYER,
        lines=lines,
        shipping=shipping,
        subtotal=sum(line.amount for line in lines),
        discount=sum(line.discount for line in lines),
        manual_discount=0,
        net=net,
        tax=tax,
        total=net + tax,
        paid=net + tax,
        taxes=(DocumentTax(label="VAT", category="S", rate=Decimal(19), taxable=net, amount=tax),),
    )
    return replace(document, **fields)  # type: ignore[arg-type]


def a_credit_note(*lines: DocumentLine, **fields: object) -> InvoiceDocument:
    known = {"kind": "credit_note", "number": "CN-000007", "corrects_number": "INV-000042"}
    return an_invoice(*lines, corrects_issued_on=date(2026, 11, 3), **(known | fields))  # type: ignore[arg-type]
