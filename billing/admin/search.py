"""Search of invoices, payments and refunds: each kind of text goes to the index made for it.

Matching ids are looked up first, and bounded: the planner can't know how rare they are.
"""

import re
from typing import Any

from django.db.models import Q, QuerySet

from billing.models import Card, CreditNote, Invoice, Payment, Refund
from billing.search_terms import typed_amount, typed_card, typed_invoice_numbers, typed_numbers, typed_whole_number
from customers.models import Customer
from customers.search import clean_text

MAX_IDS = 1_000
MAX_CUSTOMERS = 200


def _ids(rows: QuerySet[Any], column: str = "pk") -> list[int]:
    return list(rows.order_by("-pk").values_list(column, flat=True)[:MAX_IDS])


def paid_by_stripe_id(text: str) -> Q | None:
    """Match payments by the beginning of a payment intent's or charge's id."""
    if text.startswith("pi_"):
        return Q(stripe_payment_intent_id__startswith=text)
    return Q(stripe_charge_id__startswith=text) if re.match(r"(ch|py)_", text) else None


def invoice_numbers(text: str) -> list[str]:
    """Return the numbers of invoices that a text is, with the shop's prefix or the one that shops begin with."""
    whole = typed_whole_number(text)
    if whole and Invoice.objects.filter(number=whole).exists():
        return [whole]
    return typed_invoice_numbers(text)


def credit_note_number(text: str) -> str:
    """Return the number of a credit note that a text is; empty if it is none."""
    whole = typed_whole_number(text)
    if whole and CreditNote.objects.filter(number=whole).exists():
        return whole
    match = re.fullmatch(r"cn[\s-]?0*([0-9]{1,15})", text, re.IGNORECASE)
    return f"CN-{match[1]:0>6}" if match else ""


def invoices_matching(invoices: QuerySet[Invoice], text: str) -> QuerySet[Invoice]:
    """Find by invoice number, order number, Stripe's id of the payment, or by customer."""
    text = clean_text(text)
    if numbers := invoice_numbers(text):
        return invoices.filter(number__in=numbers)
    numbers = typed_numbers(text)
    if numbers and (found := _ids(Invoice.objects.filter(reference__in=numbers))):
        return invoices.filter(pk__in=found)
    if by_id := paid_by_stripe_id(text):
        return invoices.filter(pk__in=_ids(Payment.objects.filter(by_id), "invoice_id"))
    return invoices.filter(customer__in=Customer.objects.ids_matching(text)[:MAX_CUSTOMERS])


def credit_notes_matching(notes: QuerySet[CreditNote], text: str) -> QuerySet[CreditNote]:
    """Find by its own number, or by whatever finds an invoice."""
    text = clean_text(text)
    if number := credit_note_number(text):
        return notes.filter(number=number)
    return notes.filter(invoice__in=_ids(invoices_matching(Invoice.objects.all(), text)))


def payments_matching(payments: QuerySet[Payment], text: str) -> QuerySet[Payment]:
    """Find by Stripe's id, amount, the card's last four digits, or by whatever finds an invoice."""
    text = clean_text(text)
    if by_id := paid_by_stripe_id(text):
        return payments.filter(by_id)
    found = set(_ids(Payment.objects.filter(invoice__in=_ids(invoices_matching(Invoice.objects.all(), text)))))
    if card := typed_card(text):
        cards = list(Card.objects.filter(card.query("")).values_list("pk", flat=True)[:MAX_IDS])
        found |= set(_ids(Payment.objects.filter(card__in=cards)))
    if amount := typed_amount(text, "amount"):
        found |= set(_ids(Payment.objects.filter(amount)))
    return payments.filter(pk__in=found)


def refunds_matching(refunds: QuerySet[Refund], text: str) -> QuerySet[Refund]:
    """Find by refund, its amount, or by whatever finds a payment."""
    text = clean_text(text)
    if re.match(r"(re|pyr)_", text):
        return refunds.filter(stripe_refund_id__startswith=text)
    found = Q(payment__in=_ids(payments_matching(Payment.objects.all(), text)))
    if amount := typed_amount(text, "amount"):
        found |= amount
    return refunds.filter(found)
