"""Invoices, credit notes, payments, refunds, differences and webhook events, read-only; seller, exchange rates."""

from billing.admin import credit_notes as credit_notes
from billing.admin import differences as differences
from billing.admin import payments as payments
from billing.admin import seller as seller
from billing.admin import webhooks as webhooks
