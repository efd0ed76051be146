"""The staff's pages of invoices, payments, refunds and Stripe's events: they only read."""

from billing.admin import differences as differences
from billing.admin import invoices as invoices
from billing.admin import payments as payments
from billing.admin import webhooks as webhooks
