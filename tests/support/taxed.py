"""Paid orders with discounts, shipping and taxes, and their refunds: priced by the real code, written without acts."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import uuid4

from billing.invoices import issue_credit_note
from billing.models import Invoice, InvoiceTax, Payment, Refund
from customers.models import Customer
from ecommerce.models import Coupon, Order, OrderEvent, OrderItem, TaxLine
from ecommerce.orders.allocations import allocate, read_cells
from ecommerce.orders.contents import OrderContents
from ecommerce.pricing.order import CouponTerms, Discount, Line, PricedTax, Shipping, Totals, price
from ecommerce.pricing.refunds import OrderCells
from ecommerce.pricing.taxes import Tax
from tests.support.rows import ANA

FREE = Shipping()
VAT_19 = Tax(country="DE", name="VAT", percent=Decimal(19))
VAT_7 = Tax(country="DE", name="VAT", percent=Decimal(7))
REVERSE_CHARGE = Tax(country="AT", name="VAT", percent=Decimal(0), category="K", reason="Intra-Community supply.")


def a_taxed_order(
    customer: Customer,
    lines: Sequence[Line],
    *,
    at: datetime,
    names: Sequence[tuple[str, str]] = (),
    coupon: Coupon | None = None,
    discount: Discount | None = None,
    shipping: Shipping = FREE,
    currency: str = "eur",
    included: bool = False,
    stacked: bool = False,
    **fields: Any,
) -> Order:
    """Write a paid order; `names` has the description and the code of each line, an empty one for a custom line."""
    totals = price(
        lines,
        currency=currency,
        coupon=CouponTerms(code=coupon.code, percent_off=coupon.percent_off) if coupon else None,
        discount=discount,
        shipping=shipping,
        prices_include_tax=included,
        stacked={"US"} if stacked else (),
    )
    names = names or [(f"Ware {number}", f"WARE-{number}") for number in range(1, len(lines) + 1)]
    order = _order(customer, totals, at=at, coupon=coupon, **fields)
    order.invoice = _invoice(order, _contents(order, totals, lines, names), at=at)
    order.pay(at=at)
    order.save()
    OrderEvent.objects.create(order=order, kind="paid", at=at, **ANA)
    return order


def _order(customer: Customer, totals: Totals, *, at: datetime, **fields: Any) -> Order:
    sums = ("currency", "subtotal", "discount", "manual_discount", "shipping", "shipping_tax", "tax", "total")
    known = {name: getattr(totals, name) for name in (*sums, "prices_include_tax")}
    known |= {"placed_via": "staff", "placed_by": "staff:1", "summary": "Wares", "sku_codes": "", "created_at": at}
    order = Order.objects.create(customer=customer, **(known | fields))
    order.refresh_from_db(fields=["number"])
    return order


def _contents(order: Order, totals: Totals, lines: Sequence[Line], names: Sequence[tuple[str, str]]) -> OrderContents:
    items = OrderItem.objects.bulk_create(
        OrderItem(
            order=order,
            description=description,
            sku_code=code,
            unit_price=line.unit_price,
            quantity=line.quantity,
            amount=line.amount,
            discount=priced.discount,
            manual_discount=priced.manual_discount,
            tax=sum(tax.amount for tax in priced.taxes),
        )
        for line, priced, (description, code) in zip(lines, totals.lines, names, strict=True)
    )
    of_items = [(item, tax) for item, line in zip(items, totals.lines, strict=True) for tax in line.taxes]
    taxes = [_tax_line(order, item, tax) for item, tax in [*of_items, *((None, tax) for tax in totals.shipping_taxes)]]
    return OrderContents(items, TaxLine.objects.bulk_create(taxes), None)


def _tax_line(order: Order, item: OrderItem | None, priced: PricedTax) -> TaxLine:
    tax = priced.tax
    return TaxLine(
        order=order,
        item=item,
        country=tax.country,
        region=tax.region,
        name=tax.name,
        rate=tax.percent,
        category=tax.category,
        reason=tax.reason,
        taxable=priced.taxable,
        amount=priced.amount,
        included=order.prices_include_tax,
    )


def _invoice(order: Order, contents: OrderContents, *, at: datetime) -> Invoice:
    sums = ("currency", "subtotal", "discount", "manual_discount", "discount_reason", "shipping", "shipping_name")
    frozen = {name: getattr(order, name) for name in (*sums, "shipping_tax", "tax", "total", "prices_include_tax")}
    invoice = Invoice.objects.create(
        number=f"INV-{order.pk:06d}", customer=order.customer, reference=order.number, status="paid", paid_at=at,
        issued_at=at, amount_paid=order.total, coupon_code=order.coupon.code if order.coupon else "",
        bill_to={"name": order.customer.name, "email": order.customer.email, "country": "DE"}, **frozen,
    )  # fmt: skip
    lines = contents.invoice_lines()
    for line in lines:
        line.invoice = invoice
        line.save()
    taxes = contents.invoice_taxes(lines)
    for tax in taxes:
        tax.invoice = invoice
    InvoiceTax.objects.bulk_create(taxes)
    if order.total:
        Payment.objects.create(
            invoice=invoice, amount=order.total, currency=order.currency, status="succeeded", next_attempt_at=None,
            requested_at=at, closed_at=at, stripe_payment_intent_id=f"pi_{order.number}",
        )  # fmt: skip
    return invoice


def cells_left(order: Order) -> OrderCells:
    """What may still be given back of an order."""
    assert order.invoice
    return read_cells(order.invoice).left


def give_back(order: Order, back: OrderCells, *, at: datetime, reason: str = "") -> Refund:
    """Write a refund that succeeded, with its credit note."""
    invoice = order.invoice
    assert invoice
    refund = Refund.objects.create(
        payment=invoice.payments.get(), amount=back.total, currency=order.currency, requested_at=at, closed_at=at,
        status="succeeded", next_attempt_at=None, reason=reason,
        stripe_refund_id=f"re_{uuid4()}", **ANA,
    )  # fmt: skip
    allocate(refund, back, read_cells(invoice))
    issue_credit_note(invoice=invoice, refund=refund, at=at)
    Order.objects.filter(pk=order.pk).update(amount_refunded=order.amount_refunded + back.total)
    order.amount_refunded += back.total
    return refund
