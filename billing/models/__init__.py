"""Cards, invoices, payments, refunds, and Stripe's events."""

from billing.models.allocation import RefundAllocation, RefundFee
from billing.models.card import Card
from billing.models.card_attempt import CardAttempt
from billing.models.customer_update import CustomerUpdate
from billing.models.document import Document, DocumentLost
from billing.models.event import WebhookEvent
from billing.models.invoice import Counter, CreditNote, Invoice, InvoiceLine, InvoiceTax
from billing.models.payment import Payment, Refund, StripeOperation
from billing.models.reconciliation import ComparedObject, Difference, Reconciliation, RestoreGuard
from billing.models.removal import StripeRemoval
from billing.models.seller import ExchangeRate, Seller, SellerVersion
from billing.models.tax_transaction import TaxTransaction

__all__ = [
    "Card",
    "CardAttempt",
    "ComparedObject",
    "Counter",
    "CreditNote",
    "CustomerUpdate",
    "Difference",
    "Document",
    "DocumentLost",
    "ExchangeRate",
    "Invoice",
    "InvoiceLine",
    "InvoiceTax",
    "Payment",
    "Reconciliation",
    "Refund",
    "RefundAllocation",
    "RefundFee",
    "RestoreGuard",
    "Seller",
    "SellerVersion",
    "StripeOperation",
    "StripeRemoval",
    "TaxTransaction",
    "WebhookEvent",
]
