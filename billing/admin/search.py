"""Search of invoices, payments and refunds: each kind of text goes to the index made for it.

Matching ids are looked up first, and bounded: the planner can't know how rare they are.
"""

import re
from typing import Any

from django.db.models import QuerySet

from billing.models import Invoice, Payment, Refund
from customers.models import Customer

MAX_IDS = 1_000
MAX_CUSTOMERS = 200


def _ids(rows: QuerySet[Any], column: str = "pk") -> list[int]:
    return list(rows.order_by("-pk").values_list(column, flat=True)[:MAX_IDS])


def invoices_matching(invoices: QuerySet[Invoice], text: str) -> QuerySet[Invoice]:
    """Find by invoice number, order number, payment intent, or the customer's e-mail or name."""
    text = text.replace("\0", "").strip()
    if found := re.fullmatch(r"inv-?0*([0-9]{1,15})", text, re.IGNORECASE):
        return invoices.filter(number=f"INV-{found[1]:0>6}")
    if re.fullmatch(r"#?[0-9]{1,20}", text):
        return invoices.filter(reference=text.lstrip("#"))
    if text.startswith("pi_"):
        paid = Payment.objects.filter(stripe_payment_intent_id__startswith=text)
        return invoices.filter(pk__in=_ids(paid, "invoice_id"))
    customers = list(Customer.objects.matching(text).values_list("pk", flat=True)[:MAX_CUSTOMERS])
    return invoices.filter(customer__in=customers)


def payments_matching(payments: QuerySet[Payment], text: str) -> QuerySet[Payment]:
    """Find by payment intent, or by whatever finds an invoice."""
    if text.startswith("pi_"):
        return payments.filter(stripe_payment_intent_id__startswith=text)
    return payments.filter(invoice__in=_ids(invoices_matching(Invoice.objects.all(), text)))


def refunds_matching(refunds: QuerySet[Refund], text: str) -> QuerySet[Refund]:
    """Find by refund, or by whatever finds a payment."""
    if re.match(r"(re|pyr)_", text):
        return refunds.filter(stripe_refund_id__startswith=text)
    return refunds.filter(payment__in=_ids(payments_matching(Payment.objects.all(), text)))
