"""Invoices, credit notes, payments, refunds, differences and webhook events: read-only."""

from billing.admin import credit_notes as credit_notes
from billing.admin import differences as differences
from billing.admin import payments as payments
from billing.admin import webhooks as webhooks
