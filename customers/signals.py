"""The one signal from customers up to billing."""

from django.dispatch import Signal

# Sent with `customer` and `at` inside the transaction that changes the customer's e-mail.
email_changed = Signal()
