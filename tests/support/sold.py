"""Orders that were priced elsewhere, written and paid by the product's own code."""

from collections.abc import Sequence

from django.db import transaction
from django.utils import timezone

from billing.payments import PaymentSource
from customers.models import Customer
from ecommerce.models import Order
from ecommerce.orders import stock
from ecommerce.orders.contents import write_contents, write_totals
from ecommerce.orders.execute import execute_order_payment
from ecommerce.orders.pay import request_payment
from ecommerce.orders.quotes import Quote, QuotedLine
from ecommerce.pricing.order import Line, Totals
from tests.support.factories import ANA, make_customer


def sold(totals: Totals, lines: Sequence[Line], *, customer: Customer | None = None) -> Order:
    """Write an order of custom lines with these figures, and pay it at the fake Stripe."""
    at = timezone.now()
    customer = customer or Customer.objects.filter(email="ada@example.com").first() or make_customer()
    order = Order(customer=customer, currency=totals.currency, placed_via="staff", placed_by="staff:1", created_at=at)
    order.summary = "Of everything something"
    quote = Quote(
        lines=tuple(
            QuotedLine(
                sku=None,
                description=f"Line {number}",
                tax_category="standard",
                shippable=False,
                quantity=line.quantity,
                unit_price=line.unit_price,
                priced=priced,
            )
            for number, (line, priced) in enumerate(zip(lines, totals.lines, strict=True), start=1)
        ),
        totals=totals,
        coupon=None,
    )
    with transaction.atomic():
        write_totals(order, quote)
        order.save()
        contents = write_contents(order, quote)
        stock.reserve(order, {}, {}, at=at)
        request_payment(order, PaymentSource(token="pm_card_visa"), by=ANA, at=at, contents=contents)
    order = execute_order_payment(order_id=order.pk, at=at)
    assert order.status == "paid"
    return order
